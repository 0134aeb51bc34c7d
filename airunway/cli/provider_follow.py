"""Following an installation: its lines as they come, until the request has its outcome."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError, RPCStatusCode

from airunway.cli import output
from airunway.cli.problems import CliError
from airunway.console.temporal_errors import is_missing
from airunway.messages.installation_workflow import InstallationOutcome, InstallationView
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow

POLL_SECONDS = 0.3


async def follow(
    client: Client, handle: WorkflowHandle[Any, Any], request_id: str, *, quiet: bool
) -> tuple[InstallationView, InstallationOutcome]:
    """Print what is said until the request has ended; the last view, and the outcome.

    `handle`: as it was started with, so that it knows the run that got the request.
    """
    printer = _ProgressPrinter(quiet)
    while True:
        # Before the view: what a workflow says after its end is all that it will ever say.
        now = await handle.describe()
        view = await _view(handle)
        outcome = view.outcomes.get(request_id)
        printer.lines(view)
        if outcome is not None:
            return view, outcome
        if found := await _in_an_earlier_run(client, handle, now, request_id):
            return found
        if now.status is not WorkflowExecutionStatus.RUNNING:
            raise CliError(_over(now))
        if view.activity:
            printer.heartbeat(*await _heartbeat(now, view.activity))
        await asyncio.sleep(POLL_SECONDS)


async def _in_an_earlier_run(
    client: Client, handle: WorkflowHandle[Any, Any], now: WorkflowExecutionDescription, request_id: str
) -> tuple[InstallationView, InstallationOutcome] | None:
    """The outcome, if the workflow ended with it and somebody has started the next one since."""
    if not handle.result_run_id or now.run_id == handle.result_run_id:
        return None
    view = await _view(client.get_workflow_handle(handle.id, run_id=handle.result_run_id))
    outcome = view.outcomes.get(request_id)
    return (view, outcome) if outcome is not None else None


def _over(now: WorkflowExecutionDescription) -> str:
    how = now.status.name.lower() if now.status is not None else "gone"
    return (
        f"workflow {now.id} has ended ({how}) and does not say what became of this; look with "
        "`airunway providers list`, and ask again"
    )


async def _view(handle: WorkflowHandle[Any, Any]) -> InstallationView:
    try:
        return await handle.query(ProviderInstallationWorkflow.state)
    except RPCError as err:
        if is_missing(err):
            raise CliError(f"workflow {handle.id} is gone") from err
        if err.status in (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.DEADLINE_EXCEEDED):
            raise CliError(
                f"no worker answers for workflow {handle.id}; is `airunway worker` running?"
            ) from err
        raise


async def _heartbeat(
    description: WorkflowExecutionDescription, activity: str
) -> tuple[str, int, list[str], str]:
    """Id, line count and last lines of the running step; and why its last attempt failed."""
    for pending in description.raw_description.pending_activities:
        if pending.activity_type.name != activity:
            continue
        count, lines = 0, []
        if pending.heartbeat_details.payloads:
            details = await description.data_converter.decode(pending.heartbeat_details.payloads)
            if len(details) == 2:
                count, lines = int(details[0]), [str(line) for line in details[1]]
        why = ""
        if pending.HasField("last_failure"):
            failure = await description.data_converter.decode_failure(pending.last_failure)
            why = failure.message if isinstance(failure, FailureError) else str(failure)
        return pending.activity_id, count, lines, why
    return "", 0, [], ""


class _ProgressPrinter:
    """What was printed already."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._count = 0
        self._live: dict[str, int] = {}
        self._shown: set[str] = set()
        self._failure = ""

    def lines(self, view: InstallationView) -> None:
        """Progress of the workflow; what came by heartbeat already is not said again."""
        if view.line_count < self._count:
            self._count = 0  # another operation began
        for line in view.lines[len(view.lines) - (view.line_count - self._count) :]:
            text = line.strip()
            if text in self._shown and line.startswith("  "):
                continue
            self._print(line)
        self._count = view.line_count

    def heartbeat(self, activity_id: str, count: int, lines: list[str], failure: str) -> None:
        """What a running step said."""
        new = count - self._live.get(activity_id, 0)
        self._live[activity_id] = count
        for line in lines[len(lines) - min(max(new, 0), len(lines)) :]:
            self._shown.add(line.strip())
            self._print(f"  {line}")
        if failure and failure != self._failure:
            self._print(f"  trying again: {failure}")
        self._failure = failure

    def _print(self, line: str) -> None:
        if not self._quiet:
            output.line(line, flush=True)
