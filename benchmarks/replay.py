"""What a cold start of a deployment's workflow costs: processor time of a replay, by the number of events.

    python -m benchmarks.replay [--events 2000] [--repeats 5]

A deployment is edited again and again (real workflow, scripted answers, Temporal's time-skipping server)
until its run has that many events; then ever longer beginnings of that history are replayed, as a worker does
that has lost its memory. The limit of events after which a run continues as new follows from it; see
docs/costs.md.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from airunway.api.status import Phase
from airunway.messages.deployment import Limits
from airunway.workers.temporal.converter import data_converter
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from tests.workflows.conftest import test_server
from tests.workflows.workers import core_worker
from tests.workflows.world import World

SIZES = (25, 50, 100, 250, 500, 1_000, 2_000)
TASK_LIMIT_SECONDS = 10.0


async def lived_history(events: int) -> WorkflowHistory:
    """The history of a deployment that was edited until it had so many events, all in one run."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=test_server(), data_converter=data_converter()
    ) as env:
        limits = Limits(rollout_deadline=600, finalizer_timeout=300, history_events=events * 2)
        world = World(env, limits=limits)
        async with core_worker(world):
            await world.start()
            while (await world.handle.describe()).history_length < events:
                await world.until_phase(Phase.DEPLOYING)
                await world.upstream(Phase.RUNNING)
                await world.until_phase(Phase.RUNNING)
                world.upstream_phase = Phase.DEPLOYING
                await world.edit()
            history = await world.handle.fetch_history()
            await world.handle.terminate()
            return history


def beginning(history: WorkflowHistory, events: int) -> WorkflowHistory:
    """The first events, up to where a task of the workflow was completed."""
    kept = list(history.events[:events])
    while kept[-1].event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
        kept.pop()
    return WorkflowHistory(history.workflow_id, kept)


async def replay_seconds(history: WorkflowHistory, repeats: int) -> float:
    """Processor time of one replay, all threads together: the median of several."""
    taken = []
    for _ in range(repeats):
        replayer = Replayer(
            workflows=[ModelDeploymentWorkflow],
            data_converter=data_converter(),
            # As the worker does; the sandbox would add its own start to every replay.
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        begin = time.process_time()
        await replayer.replay_workflow(history)
        taken.append(time.process_time() - begin)
    return statistics.median(taken)


async def measure(sizes: Sequence[int], repeats: int) -> None:
    """Print a line for each size."""
    whole = await lived_history(max(sizes))
    await replay_seconds(beginning(whole, min(sizes)), 1)  # imports and caches
    for size in sizes:
        history = beginning(whole, size)
        seconds = await replay_seconds(history, repeats)
        kib = sum(event.ByteSize() for event in history.events) / 1024
        most = TASK_LIMIT_SECONDS / seconds
        print(
            f"{len(history.events):5} events, {kib:6.0f} KiB: {seconds * 1000:5.0f} ms of processor time; "
            f"{most:4.0f} at once fit into {TASK_LIMIT_SECONDS:.0f} s",
            flush=True,
        )


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=2_000, help="length of the longest history (2000)")
    parser.add_argument(
        "--repeats", type=int, default=5, help="replays of each length; the median counts (5)"
    )
    options = parser.parse_args()
    sizes = [size for size in SIZES if size < options.events]
    asyncio.run(measure([*sizes, options.events], options.repeats))


if __name__ == "__main__":
    main()
