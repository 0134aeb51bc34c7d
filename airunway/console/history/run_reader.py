"""The events of one run of a workflow → lines, one event after the other. Pure.

A step is told when it has ended, with its attempts and what it said; one that has not ended is told at the
end. A step that reads or decides is told when it says something else than the last time. Timers, workflow
tasks and search attributes are the machinery's, and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import TimeoutType, WorkflowTaskFailedCause

from airunway.api.names import cluster_of, installation_workflow_id, model_image_build_workflow_id
from airunway.console.history.line import HistoryLine, Source
from airunway.console.history.read_events import LOCAL_ACTIVITY, ReadEvent
from airunway.console.history.signals import told_signal
from airunway.console.history.steps import Said, generation_of, said_by
from airunway.messages.journal import Journal, JournalEntry

JOINS = ("install_provider", "build_image")
"""Steps that lead to another workflow, whose id they answer."""


@dataclass(frozen=True)
class Joined:
    """Another workflow that took part in this one, from when on."""

    workflow_id: str
    since: datetime


@dataclass(frozen=True)
class _Step:
    """One that was scheduled and has not ended."""

    name: str
    event_id: int
    scheduled_at: datetime
    request: dict[str, Any]
    summary: str
    started_at: datetime | None = None
    attempts: int = 0
    worker: str = ""
    last_failure: str = ""


class RunReader:
    """Reads one run. What it learned of other workflows and of the journal is kept beside the lines."""

    def __init__(
        self, workflow_id: str, run_id: str, source: Source, *, told_runs: frozenset[str] = frozenset()
    ) -> None:
        """`told_runs`: those whose own histories are told; what a reset copied of them is not told again."""
        self.joined: list[Joined] = []
        self.journal: list[JournalEntry] = []
        """As the run was given it when it began."""
        self._source, self._workflow_id, self._run_id = source, workflow_id, run_id
        self._is_deployment = source is Source.HISTORY
        self._generation = 0
        self._steps: dict[int, _Step] = {}
        self._updates: dict[int, tuple[str, str, dict[str, Any]]] = {}
        self._told: dict[str, tuple[str, str, int]] = {}
        self._told_runs, self._is_copy = told_runs, False

    def read(self, event: ReadEvent) -> Iterator[HistoryLine]:
        """The lines of one event: none, or one."""
        if event.kind == "WORKFLOW_EXECUTION_STARTED":
            # A reset leaves this as it was written, and gives the new run another id.
            original = event.attributes.original_execution_run_id
            self._is_copy = original != self._run_id and original in self._told_runs
        elif event.kind == "WORKFLOW_TASK_FAILED" and event.attributes.new_run_id == self._run_id:
            self._is_copy = False
        lines = list(self._read(event))
        if not self._is_copy:
            yield from lines

    def _read(self, event: ReadEvent) -> Iterator[HistoryLine]:
        kind = event.kind
        if kind == "ACTIVITY_TASK_SCHEDULED":
            self._scheduled(event)
        elif kind == "ACTIVITY_TASK_STARTED":
            self._started(event)
        elif kind in _STEP_ENDS:
            yield from self._ended(event)
        elif kind == "MARKER_RECORDED":
            yield from self._done_inline(event)
        elif kind == "WORKFLOW_EXECUTION_SIGNALED":
            yield from self._signalled(event)
        elif kind == "WORKFLOW_EXECUTION_UPDATE_ACCEPTED":
            self._update_accepted(event)
        elif kind == "WORKFLOW_EXECUTION_UPDATE_COMPLETED":
            yield from self._update_completed(event)
        elif kind == "CHILD_WORKFLOW_EXECUTION_STARTED":
            self.joined.append(Joined(event.attributes.workflow_execution.workflow_id, event.at))
        elif kind == "WORKFLOW_EXECUTION_STARTED":
            yield self._begun(event)
        else:
            yield from self._of_the_run(event)

    def end(self) -> Iterator[HistoryLine]:
        """What has not ended when the history does."""
        for step in self._steps.values():
            said = Said("not done yet", why=step.last_failure, is_change=True)
            yield self._line_of_step(step.scheduled_at, step, said)
        for event_id, (name, by, asked) in self._updates.items():
            details = {"event_id": event_id}
            at = asked["at"]
            yield self._line(at, name, "not answered yet", by=by, why=asked["reason"], details=details)

    # -- steps -------------------------------------------------------------------------------------------

    def _scheduled(self, event: ReadEvent) -> None:
        self._steps[event.id] = _Step(
            name=event.attributes.activity_type.name,
            event_id=event.id,
            scheduled_at=event.at,
            request=_first_dict(event.given),
            summary=event.summary,
        )

    def _started(self, event: ReadEvent) -> None:
        step = self._steps.get(event.attributes.scheduled_event_id)
        if step is not None:
            self._steps[step.event_id] = replace(
                step,
                started_at=event.at,
                attempts=event.attributes.attempt,
                worker=event.attributes.identity,
                last_failure=event.failure,
            )

    def _ended(self, event: ReadEvent) -> Iterator[HistoryLine]:
        step = self._steps.pop(event.attributes.scheduled_event_id, None)
        if step is None:
            return
        if event.kind == "ACTIVITY_TASK_COMPLETED":
            yield from self._completed(event.at, step, event.result)
            return
        words = {
            "ACTIVITY_TASK_FAILED": f"failed: {event.failure}",
            "ACTIVITY_TASK_TIMED_OUT": f"timed out: {event.failure}",
            "ACTIVITY_TASK_CANCELED": "given up",
        }
        yield self._line_of_step(event.at, step, Said(words[event.kind], is_change=True))

    def _done_inline(self, event: ReadEvent) -> Iterator[HistoryLine]:
        if event.attributes.marker_name != LOCAL_ACTIVITY:
            return
        about = _first_dict(event.given)
        step = _Step(
            name=str(about.get("activity_type", "")),
            event_id=event.id,
            scheduled_at=_inline_time(about, event.at),
            request={},
            summary=event.summary,
            attempts=int(about.get("attempt") or 1),
        )
        if event.failure:
            # What fails inline goes on as an ordinary step, which tells how it ends.
            said = Said(f"failed: {event.failure}", is_change=True)
            yield self._line_of_step(step.scheduled_at, step, said)
        else:
            yield from self._completed(step.scheduled_at, step, event.result)

    def _completed(self, at: datetime, step: _Step, result: Any) -> Iterator[HistoryLine]:
        answer = result if isinstance(result, dict) else {}
        if isinstance(result, str) and result:
            said = Said(result, is_change=True)
        else:
            said = said_by(step.name, step.request, answer, summary=step.summary)
        self._generation = generation_of(step.request, answer) or self._generation
        joined = answer.get("workflow_id")
        if step.name in JOINS and isinstance(joined, str) and joined:
            self.joined.append(Joined(joined, step.scheduled_at))
        telling = (said.message, said.why, self._generation)
        unchanged = self._told.get(step.name) == telling
        self._told[step.name] = telling
        if said.is_change or not unchanged or step.attempts > 1:
            yield self._line_of_step(at, step, said)

    def _line_of_step(self, at: datetime, step: _Step, said: Said) -> HistoryLine:
        known = {
            "event_id": step.event_id,
            "attempts": step.attempts,
            "seconds": _seconds(step, at),
            "worker": step.worker,
            "last_failure": step.last_failure,
            "summary": step.summary,
        }
        details = {key: value for key, value in known.items() if value} | said.details
        tried = f" (attempt {step.attempts}; before: {step.last_failure})" if step.last_failure else ""
        return self._line(at, step.name, said.message + tried, why=said.why, details=details)

    # -- signals and updates -------------------------------------------------------------------------------

    def _signalled(self, event: ReadEvent) -> Iterator[HistoryLine]:
        sent = told_signal(event.attributes.signal_name, event.given, is_deployment=self._is_deployment)
        if sent is not None:
            sender = event.attributes.external_workflow_execution.workflow_id
            by = sender or event.attributes.identity
            details: dict[str, Any] = {"event_id": event.id, "identity": event.attributes.identity}
            details |= {"said": sent.said} if sent.said else {}
            yield self._line(event.at, sent.what, sent.message, by=by, why=sent.why, details=details)

    def _update_accepted(self, event: ReadEvent) -> None:
        request, asked = event.attributes.accepted_request, _first_dict(event.given)
        by = str(asked.get("by") or request.meta.identity)
        reason = str(asked.get("reason") or "")
        self._updates[event.id] = (request.input.name, by, {"reason": reason, "at": event.at})

    def _update_completed(self, event: ReadEvent) -> Iterator[HistoryLine]:
        found = self._updates.pop(event.attributes.accepted_event_id, None)
        if found is None:
            return
        name, by, asked = found
        answer = event.result if isinstance(event.result, dict) else {}
        message = f"failed: {event.failure}" if event.failure else str(answer.get("message") or "done")
        details = {"event_id": event.id}
        yield self._line(event.at, name, message, by=by, why=asked["reason"], details=details)

    # -- the run itself --------------------------------------------------------------------------------------

    def _begun(self, event: ReadEvent) -> HistoryLine:
        state = _first_dict(event.given).get("state")
        state = state if isinstance(state, dict) else {}
        status = state.get("status")
        if isinstance(status, dict):
            self._generation = int(status.get("observedGeneration") or 0)
        self.journal = journal_entries(state.get("journal"))
        self.joined += _carried(state, self._workflow_id, event.at)
        before = event.attributes.continued_execution_run_id
        details = {"event_id": event.id} | ({"continued_from": before} if before else {})
        words = "goes on in a new run" if before else "the workflow begins"
        return self._line(event.at, "run_started", words, by=event.attributes.identity, details=details)

    def _of_the_run(self, event: ReadEvent) -> Iterator[HistoryLine]:
        about, kind = event.attributes, event.kind
        what, message, by, why = "", "", "", ""
        if kind == "WORKFLOW_EXECUTION_COMPLETED":
            what, message = "run_completed", f"ended: {_result_words(event.result)}"
        elif kind == "WORKFLOW_EXECUTION_FAILED":
            what, message = "run_failed", f"the workflow failed: {event.failure}"
        elif kind == "WORKFLOW_EXECUTION_TERMINATED":
            what, message, by, why = "run_terminated", "terminated by hand", about.identity, about.reason
        elif kind == "WORKFLOW_EXECUTION_CANCELED":
            what, message = "run_canceled", "ended by a cancellation"
        elif kind == "WORKFLOW_EXECUTION_TIMED_OUT":
            what, message = "run_timed_out", "the workflow timed out"
        elif kind == "WORKFLOW_EXECUTION_CANCEL_REQUESTED":
            what, message, by, why = "cancel_requested", "cancellation asked for", about.identity, about.cause
        elif kind == "WORKFLOW_TASK_FAILED":
            what, message, by = self._task_failed(event)
        elif kind == "WORKFLOW_TASK_TIMED_OUT" and about.timeout_type == _TOO_LONG:
            what, message = "task_timed_out", "a worker did not finish a workflow task in time"
        if what:
            yield self._line(event.at, what, message, by=by, why=why, details={"event_id": event.id})

    def _task_failed(self, event: ReadEvent) -> tuple[str, str, str]:
        about = event.attributes
        if about.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
            return "run_reset", f"reset by hand: {event.failure or 'no reason was given'}", about.identity
        if about.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND:
            return "", "", ""  # something came in at the last moment: it is looked at again at once
        return "task_failed", f"the workflow cannot progress: {event.failure}", about.identity

    def _line(
        self,
        at: datetime,
        what: str,
        message: str,
        *,
        by: str = "",
        why: str = "",
        details: dict[str, Any] | None = None,
    ) -> HistoryLine:
        return HistoryLine(
            time=at,
            what=what,
            message=message,
            generation=self._generation if self._is_deployment else 0,
            by=by,
            why=why,
            details=details or {},
            source=self._source,
            workflow_id=self._workflow_id,
            run_id=self._run_id,
        )


_STEP_ENDS = (
    "ACTIVITY_TASK_COMPLETED",
    "ACTIVITY_TASK_FAILED",
    "ACTIVITY_TASK_TIMED_OUT",
    "ACTIVITY_TASK_CANCELED",
)
_TOO_LONG = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE


def _carried(state: dict[str, Any], workflow_id: str, at: datetime) -> list[Joined]:
    """Workflows that a deployment, or an image, waits for since an earlier run."""
    image, installation = state.get("model_image"), state.get("installation")
    found = []
    if state.get("build"):
        found.append(Joined(model_image_build_workflow_id(workflow_id), at))
    if isinstance(image, dict) and isinstance(image.get("workflow_id"), str) and image["workflow_id"]:
        found.append(Joined(image["workflow_id"], at))
    if isinstance(installation, dict) and isinstance(installation.get("provider"), str):
        provider = installation["provider"]
        found.append(Joined(installation_workflow_id(cluster_of(workflow_id), provider), at))
    return found


def journal_entries(given: Any) -> list[JournalEntry]:
    """Of a journal as JSON; none when it is of a shape that this build does not know."""
    try:
        return Journal.model_validate(given or {}).entries
    except ValueError:
        return []


def _inline_time(about: dict[str, Any], recorded: datetime) -> datetime:
    """When an inline step began: a workflow task records all of its steps at its end."""
    begun = about.get("original_schedule_time")
    if not isinstance(begun, dict) or not isinstance(begun.get("seconds"), int):
        return recorded
    at = datetime.fromtimestamp(begun["seconds"], UTC) + timedelta(microseconds=begun.get("nanos", 0) // 1000)
    return min(at, recorded)


def _seconds(step: _Step, ended: datetime) -> float:
    return round((ended - step.scheduled_at).total_seconds(), 3)


def _result_words(result: Any) -> str:
    if isinstance(result, dict):
        return str(result.get("message") or result.get("stage") or result.get("phase") or "done")
    return str(result) if result else "done"


def _first_dict(values: list[Any]) -> dict[str, Any]:
    return values[0] if values and isinstance(values[0], dict) else {}
