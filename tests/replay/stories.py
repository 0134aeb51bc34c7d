"""The stories whose histories are kept, and how they are recorded: `python -m tests.replay.stories`.

A change in the order of a workflow's steps breaks their replay. Then it needs a `workflow.patched` branch
for deployments that are alive, and a new history beside the old one: old histories are never rewritten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.signatures import DeploymentRef, Finding, StepFailure
from api.decision import Outcome
from api.status import Phase
from tests.workflows.conftest import test_server
from tests.workflows.world import World, core_worker, provider_worker
from workflows.model_deployment import ModelDeploymentWorkflow

FOLDER = Path(__file__).parent / "histories"


async def to_running_and_edited(world: World) -> None:
    """Applied, running, edited, running again."""
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    world.upstream_phase = Phase.DEPLOYING
    await world.edit()
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


async def failed_and_retried(world: World) -> None:
    """A roll-out that crashes, a retry by a person, running."""
    world.findings = [Finding(reason="CrashLoopBackOff", message="exit code 1", final=True)]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(seconds=15))
    await world.until_phase(Phase.FAILED)
    world.findings = []
    await world.handle.signal(ModelDeploymentWorkflow.retry)
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


async def through_the_providers_queue(world: World) -> None:
    """A provider with a worker of its own; first without a provider at all."""
    world.hosted, world.outcome, world.finding = False, Outcome.PROVIDER_FAILED, "no compatible provider"
    await world.start()
    await world.until(lambda: bool(world.statuses))
    world.outcome = Outcome.OK
    await world.nudge("provider acme changed")
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


async def paused_and_deleted(world: World) -> None:
    """Paused, resumed, deleted with upstream objects that take their time."""
    world.paused = True
    await world.start()
    await world.quiet()
    world.paused = False
    await world.nudge("annotations changed")
    await world.until_phase(Phase.DEPLOYING)
    world.finalizers, world.remaining = ["airunway.ai/acme-provider"], ["Server x"]
    await world.delete()
    await world.until_phase(Phase.TERMINATING)
    await world.quiet()
    world.remaining = []
    await world.nudge("Server x was deleted", upstream_only=True)
    await world.handle.result()


async def paused_while_serving(world: World) -> None:
    """Running, paused while an upstream object goes, resumed, deleted."""
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.paused = True
    await world.nudge("annotations changed")
    await world.quiet()
    await world.nudge("Server x was deleted", upstream_only=True)
    await world.quiet()
    world.paused = False
    await world.nudge("annotations changed")
    await world.quiet()
    world.finalizers = ["airunway.ai/acme-provider"]
    await world.delete()
    await world.handle.result()


async def refused_while_serving(world: World) -> None:
    """Running; a generation that cannot be applied; upstream news meanwhile; a generation that can."""
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.failure = StepFailure(reason="TransformFailed", message="cannot be expressed")
    await world.edit()
    await world.until_phase(Phase.FAILED)
    world.failure = None
    await world.upstream(Phase.RUNNING)
    await world.quiet()
    await world.edit()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


STORIES: list[Callable[[World], Awaitable[None]]] = [
    to_running_and_edited,
    failed_and_retried,
    through_the_providers_queue,
    paused_and_deleted,
    paused_while_serving,
    refused_while_serving,
]


async def record(story: Callable[[World], Awaitable[None]]) -> str:
    """The history of a story as JSON."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=test_server(), data_converter=pydantic_data_converter
    ) as env:
        world = World(env, ref=DeploymentRef(namespace="ml", name=story.__name__.replace("_", "-")))
        async with core_worker(world), provider_worker(world):
            await story(world)
            return (await world.handle.fetch_history()).to_json()


async def main() -> None:
    """Record the stories that have no history yet."""
    for story in STORIES:
        file = FOLDER / f"{story.__name__}.json"
        if not file.exists():
            file.write_text(await record(story) + "\n")
            print(f"recorded {file.name}")


if __name__ == "__main__":
    asyncio.run(main())
