"""More signals than a run should take: what its owner does meanwhile is done, and it hears afterwards.

On the development server, which bounds what a run may take; the one that skips time does not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from airunway.api.status import Phase
from airunway.messages.commands import PAUSE, RESUME, RETRY, Asked
from airunway.messages.deployment_workflow import IMAGE_REPORT, INSTALL_REPORT, OBJECT_CHANGED
from airunway.messages.journal import MAX_ENTRIES
from airunway.operations.updates import ask
from airunway.workers.temporal.converter import data_converter
from airunway.workers.tuning import STUCK_SECONDS, give_tasks_time
from airunway.workflows.model_deployment.journal_entries import MAX_COMMANDS, MAX_MEANINGLESS
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from tests.workflows.waiting import first
from tests.workflows.workers import core_worker, provider_worker
from tests.workflows.world import World

pytestmark = pytest.mark.timeout(300)

MANY, AT_ONCE = 300, 100
WHILE_AWAY = 2_000
"""In one task of the workflow, as all come before a worker does."""
TEMPORALS_TASK_SECONDS = 10
LARGE = "x" * 100_000
SUGGESTED_BYTES = 4 * 1024 * 1024
"""Of a history, from which on Temporal suggests that another run goes on."""


@pytest_asyncio.fixture
async def world(development_server: str) -> AsyncIterator[World]:
    client = await Client.connect(development_server, data_converter=data_converter())
    built = World(WorkflowEnvironment.from_client(client))
    built.upstream_phase = Phase.RUNNING
    async with core_worker(built), provider_worker(built):
        await built.start()
        await built.until_phase(Phase.RUNNING)
        await built.quiet()
        yield built
        await built.handle.terminate()


def forged(number: int) -> tuple[str, Any]:
    kinds: list[tuple[str, Any]] = [
        (OBJECT_CHANGED, {"cause": f"{number}", "uid": f"{number}", "generation": number}),
        (OBJECT_CHANGED, {"cause": f"{number}", "upstream_only": True, "status_changed": True}),
        (IMAGE_REPORT, {"identity": "0" * 64, "workflow_id": "image/x", "phase": "ready"}),
        (INSTALL_REPORT, {"provider": "another", "succeeded": True}),
        (RETRY, {"by": f"{number}", "reason": "x" * 1_000}),
        (f"signal-{number}", {"a": number}),
        (OBJECT_CHANGED, [number]),
    ]
    return kinds[number % len(kinds)]


async def flood(world: World, signals: list[tuple[str, Any]]) -> None:
    for begin in range(0, len(signals), AT_ONCE):
        batch = signals[begin : begin + AT_ONCE]
        await asyncio.gather(*(world.handle.signal(name, given) for name, given in batch))


async def asked(world: World, command: str) -> str:
    """By a command of ours, which sends it again to a run that is about to go on in another one."""
    answer = await ask(world.env.client, world.ref.workflow_id, command, Asked(by="alice"), about="chat")
    return answer.message


async def test_what_its_owner_does_in_a_flood_is_done(world: World) -> None:
    signals = [forged(number) for number in range(MANY)]

    flooding = asyncio.create_task(flood(world, signals))
    await world.edit()
    paused = await asked(world, PAUSE)
    resumed = await asked(world, RESUME)
    await flooding
    view = await world.quiet()

    assert ("paused" in paused, resumed != "") == (True, True)
    assert view.state.paused_by is None
    assert view.state.generation == world.generation == 2
    assert world.status["phase"] == Phase.RUNNING
    assert len(view.state.journal.entries) <= MAX_ENTRIES
    assert len(view.state.model_dump_json()) < 100_000


async def test_what_asks_for_nothing_does_not_fill_its_history(world: World) -> None:
    before = (await world.handle.describe()).run_id
    signals = [("colour", f"{number}{LARGE}") for number in range(SUGGESTED_BYTES // len(LARGE) + 10)]

    await flood(world, signals)
    await first(lambda: another_run(world, before))
    await world.edit()
    view = await first(lambda: at_generation(world, 2))

    assert view.state.journal.entries[-1].what != "UnknownSignal"
    assert (await world.handle.describe()).history_length < len(signals) * 4


async def test_what_came_while_no_worker_was_there_is_taken_at_once(development_server: str) -> None:
    client = await Client.connect(development_server, data_converter=data_converter())
    world = World(WorkflowEnvironment.from_client(client), upstream_phase=Phase.RUNNING)
    await world.start()
    world.generation = 2

    await world.nudge("generation 2")
    await flood(world, [forged(number) for number in range(WHILE_AWAY)])
    await world.handle.signal(PAUSE, {"by": "ann"})
    await flood(world, [forged(number) for number in range(AT_ONCE)])
    async with core_worker(world, is_sandboxed=False), provider_worker(world):
        view = await world.quiet()
        resumed = await world.command(RESUME)
        await world.until_phase(Phase.RUNNING)
        await world.quiet()
    await world.handle.terminate()

    paused_by = view.state.paused_by
    assert (paused_by and paused_by.by, "going on" in resumed) == ("ann", True)
    assert world.status["observedGeneration"] == 2
    kinds = Counter(entry.what for entry in view.state.journal.entries)
    assert kinds["UnknownSignal"] == kinds["WrongPayload"] == MAX_MEANINGLESS
    assert kinds["Refused"] == MAX_COMMANDS
    assert kinds["Pause"] == 1, "nothing that means something is pushed out"


async def another_run(world: World, before: str) -> bool | None:
    return (await world.handle.describe()).run_id != before or None


async def at_generation(world: World, generation: int) -> Any:
    view = await world.quiet()
    return view if view.state.generation == generation else None


async def test_a_task_is_taken_for_stuck_only_after_temporal_has_given_it_out_again(
    development_server: str,
) -> None:
    client = await Client.connect(development_server)
    worker = Worker(client, task_queue="another", workflows=[ModelDeploymentWorkflow])
    tasks = worker._workflow_worker
    assert tasks is not None and tasks._deadlock_timeout_seconds == 2, "the SDK has what is set here"

    give_tasks_time(worker)

    assert tasks._deadlock_timeout_seconds == STUCK_SECONDS > TEMPORALS_TASK_SECONDS
