"""What histories of workflows hold: events, failed workflow tasks, and what Temporal Cloud would bill.

Actions are counted as https://docs.temporal.io/cloud/actions defines them. Queries, heartbeats of activities
and of workflow tasks leave no event, so they are not in these figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

BILLED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "workflow started",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "child workflow started",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signal",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "update",
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attributes",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: "options updated",
}


@dataclass
class TaskTroubles:
    """Workflow tasks that did not come to their end."""

    timed_out: int = 0
    """A worker had it and did not answer in time."""
    not_taken: int = 0
    """The worker that had the workflow in memory did not take it: it is dead. Costs `STICKY_TIMEOUT`."""
    failed: Counter[str] = field(default_factory=Counter)
    """By cause. `UNHANDLED_COMMAND`: a signal came while the last step was being done."""

    def add(self, events: Sequence[HistoryEvent]) -> None:
        """Count those of one history."""
        for event in events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
                kind = event.workflow_task_timed_out_event_attributes.timeout_type
                if kind == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START:
                    self.not_taken += 1
                else:
                    self.timed_out += 1
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                attributes = event.workflow_task_failed_event_attributes
                cause = attributes.DESCRIPTOR.fields_by_name["cause"].enum_type.values_by_number
                self.failed[cause[attributes.cause].name.removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")] += 1


def actions_of(events: Sequence[HistoryEvent]) -> Counter[str]:
    """Billable actions of one run, by their kind."""
    found: Counter[str] = Counter()
    tasks_with_markers = set()
    for event in events:
        kind = EventType.ValueType(event.event_type)
        if kind in BILLED:
            found[BILLED[kind]] += 1
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            found["activity"] += max(1, event.activity_task_started_event_attributes.attempt)
        elif kind == EventType.EVENT_TYPE_MARKER_RECORDED:
            # All local activities of one workflow task together are one action.
            tasks_with_markers.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
    found["local activities of a task"] += len(tasks_with_markers)
    if _is_started_by_signal(events):
        found["workflow started"] -= 1  # with its signal it is one action
    return +found


def pending_timers(events: Sequence[HistoryEvent]) -> list[float]:
    """Seconds of every timer of a run that has neither fired nor been cancelled: each will cost something."""
    pending: dict[str, float] = {}
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            started = event.timer_started_event_attributes
            pending[started.timer_id] = started.start_to_fire_timeout.ToNanoseconds() / 1e9
        elif event.event_type == EventType.EVENT_TYPE_TIMER_FIRED:
            pending.pop(event.timer_fired_event_attributes.timer_id, None)
        elif event.event_type == EventType.EVENT_TYPE_TIMER_CANCELED:
            pending.pop(event.timer_canceled_event_attributes.timer_id, None)
    return list(pending.values())


def _is_started_by_signal(events: Sequence[HistoryEvent]) -> bool:
    if len(events) < 2 or events[1].event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        return False
    return not events[0].workflow_execution_started_event_attributes.continued_execution_run_id


async def runs_of(client: Client, workflow_id: str) -> AsyncIterator[list[HistoryEvent]]:
    """The events of every run that is kept, also of those that no other run continued; newest first."""
    async for found in client.list_workflows(f"WorkflowId = '{workflow_id}'"):
        handle = client.get_workflow_handle(workflow_id, run_id=found.run_id)
        yield list((await handle.fetch_history()).events)


async def newest_run(client: Client, workflow_id: str) -> list[HistoryEvent]:
    """The events of the run that is open, or was last."""
    return list((await client.get_workflow_handle(workflow_id).fetch_history()).events)
