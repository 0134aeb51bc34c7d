"""What a signal costs a deployment's workflow: processor time of each kind, of many that come at once.

    python -m benchmarks.signals [--signals 2000] [--repeats 5]

A recorded history is replayed with that many signals behind it, all in one workflow task, as a worker finds
them that was away. The SDK gives up a task that takes 2 s, so that is what a flood has; see docs/costs.md.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
)

from airunway.messages.commands import PAUSE, RESUME, RETRY
from airunway.messages.deployment_workflow import IMAGE_REPORT, INSTALL_REPORT, OBJECT_CHANGED
from airunway.workers.temporal.converter import data_converter
from airunway.workers.tuning import spare_the_collector
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow

STORY = Path(__file__).parent.parent / "tests" / "replay" / "histories" / "to_running_and_edited.json"
TASK_SECONDS = 2.0

Signal = tuple[str, Any]
"""Name and payload."""


def _asked(number: int) -> dict[str, str]:
    return {"by": f"{number}@laptop", "reason": "x" * 1_000}


KINDS: dict[str, Callable[[int], Signal]] = {
    "a change": lambda n: (OBJECT_CHANGED, {"cause": f"{n}", "uid": f"{n}", "generation": n}),
    "the same change": lambda n: (OBJECT_CHANGED, {"cause": "changed", "upstream_only": True}),
    "a change of another shape": lambda n: (OBJECT_CHANGED, [n]),
    "a report of no image": lambda n: (
        IMAGE_REPORT,
        {"identity": "0" * 64, "workflow_id": f"x/{n}", "phase": "ready", "progress": {"step": "x"}},
    ),
    "a report of an installation": lambda n: (INSTALL_REPORT, {"provider": f"{n}", "succeeded": True}),
    "a retry": lambda n: (RETRY, _asked(n)),
    "pause and resume": lambda n: ((PAUSE, RESUME)[n % 2], _asked(n)),
    "a signal that nobody knows": lambda n: (f"signal-{n}", {"a": n}),
}


def flooded(history: WorkflowHistory, signals: list[Signal]) -> WorkflowHistory:
    """The history with signals behind it, and the task that takes them, which is not answered yet."""
    events = list(history.events)
    while events[-1].event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
        events.pop()
    convert = data_converter().payload_converter.to_payloads

    def add(kind: EventType.ValueType) -> HistoryEvent:
        event = HistoryEvent(event_id=len(events) + 1, event_type=kind, event_time=events[-1].event_time)
        events.append(event)
        return event

    for name, payload in signals:
        attributes = add(
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ).workflow_execution_signaled_event_attributes
        attributes.signal_name = name
        attributes.input.CopyFrom(Payloads(payloads=convert([payload])))
    scheduled = add(EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
    scheduled.workflow_task_scheduled_event_attributes.SetInParent()
    started = add(EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED)
    started.workflow_task_started_event_attributes.scheduled_event_id = scheduled.event_id
    return WorkflowHistory(history.workflow_id, events)


class TimedRunner(UnsandboxedWorkflowRunner):
    """As the worker runs workflows; knows what the longest task took."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        """Seconds of processor time."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance whose tasks are timed."""
        instance = super().create_instance(det)
        activate = instance.activate

        def timed(act: WorkflowActivation) -> WorkflowActivationCompletion:
            begin = time.thread_time()
            try:
                return activate(act)
            finally:
                self.longest = max(self.longest, time.thread_time() - begin)

        instance.activate = timed  # type: ignore[method-assign]
        return instance


async def task_seconds(history: WorkflowHistory, repeats: int) -> float:
    """Processor time of the longest task of a replay: the median of several."""
    taken = []
    for _ in range(repeats):
        runner = TimedRunner()
        replayer = Replayer(
            workflows=[ModelDeploymentWorkflow], data_converter=data_converter(), workflow_runner=runner
        )
        await replayer.replay_workflow(history)
        taken.append(runner.longest)
    return statistics.median(taken)


async def measure(count: int, repeats: int) -> None:
    """Print a line for each kind."""
    history = WorkflowHistory.from_json("modeldeployment/here/ml/x", STORY.read_text())
    await task_seconds(history, 1)  # imports and caches
    spare_the_collector()
    for words, make in KINDS.items():
        seconds = await task_seconds(flooded(history, [make(number) for number in range(count)]), repeats)
        each = seconds / count
        print(
            f"{words:28} {each * 1_000_000:5.0f} µs of processor time; {TASK_SECONDS / each:7,.0f} at once "
            f"fit into {TASK_SECONDS:.0f} s",
            flush=True,
        )


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--signals", type=int, default=2_000, help="how many at once (2000)")
    parser.add_argument("--repeats", type=int, default=5, help="replays of each; the median counts (5)")
    options = parser.parse_args()
    asyncio.run(measure(options.signals, options.repeats))


if __name__ == "__main__":
    main()
