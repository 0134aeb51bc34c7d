"""The stories whose histories are kept, and how they are recorded: `python -m tests.replay.stories`.

A change in the order of a workflow's steps breaks their replay. As long as nothing is released, the history
is then removed and recorded again; later it needs a `workflow.patched` branch for deployments that are alive,
and a new history beside the old one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from airunway.api.decision import InstallationNeed, InstallPolicy, Outcome
from airunway.api.model_image import ModelImageSpec
from airunway.api.names import model_image_build_workflow_id, model_image_workflow_id
from airunway.api.status import Phase
from airunway.messages.commands import CANCEL_BUILD, RETRY
from airunway.messages.deployment import PodFinding, StepFailure
from airunway.messages.deployment_workflow import INSTALL_REPORT
from airunway.messages.installation import INSTALL_CHART, InstallReport, Operation
from airunway.messages.installation_workflow import InstallationOutcome
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.temporal.converter import data_converter
from tests.workflows import installer_world
from tests.workflows.conftest import test_server
from tests.workflows.image_world import ImageWorld
from tests.workflows.installer_world import InstallerWorld, final
from tests.workflows.provider_fakes import PROVIDER
from tests.workflows.workers import core_worker, provider_worker
from tests.workflows.world import World

FOLDER = Path(__file__).parent / "histories"


def names_with_image(story: str) -> tuple[str, str, str]:
    """Of the histories of a deployment's story with an image: its own, its image's, the build's."""
    return story, f"image_{story}", f"image_build_{story}"


def recorded(file: Path) -> WorkflowHistory:
    """A history that is kept, under the id of its workflow: those of others are made of it."""
    history = WorkflowHistory.from_json("", file.read_text())
    begun = history.events[0].workflow_execution_started_event_attributes
    return replace(history, workflow_id=begun.workflow_id or f"modeldeployment/here/ml/{file.stem}")


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
    world.findings = [PodFinding(reason="CrashLoopBackOff", message="exit code 1", final=True)]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(seconds=15))
    await world.until_phase(Phase.FAILED)
    world.findings = []
    await world.command(RETRY)
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


async def through_the_providers_queue(world: World) -> None:
    """A provider with a worker of its own; first without a provider at all."""
    world.served_locally = False
    world.outcome, world.finding = Outcome.PROVIDER_FAILED, "no compatible provider"
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


async def built_cancelled_and_retried(world: World, images: ImageWorld) -> None:
    """An image is built with progress, cancelled, retried; another model's image after it; deleted."""
    images.gate = asyncio.Event()
    world.wanted_image = ModelImageSpec(repository="example/Tiny-GGUF")
    await world.start()
    await images.until(lambda: images.building == 1)
    images.plan = images.joined[0].plan
    await images.report_progress("downloading tiny", 400)
    await world.until(lambda: "downloading tiny" in world.status.get("message", ""))
    await world.command(CANCEL_BUILD)
    await images.until(lambda: images.cancelled == 1)
    await images.ended()
    images.gate.set()
    await world.command(RETRY)
    await world.until_phase(Phase.DEPLOYING)
    await images.ended()
    world.wanted_image = ModelImageSpec(repository="example/Tiny-GGUF", file="other-Q8_0.gguf")
    await world.edit()
    await world.until(lambda: world.upstream_generation == 2)
    await world.quiet()


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
    """Running; a generation that cannot be applied; upstream changes meanwhile; a generation that can."""
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


async def waited_for_its_operator(world: World) -> None:
    """Its provider's operator is installed: the first attempt fails, a person tries again, it comes up."""
    world.installation = InstallationNeed(provider=PROVIDER, policy=InstallPolicy.AUTO)
    world.provider_ready = False
    await world.start()
    await world.quiet()
    for succeeded in (False, True):
        world.installed = InstallationOutcome(succeeded=succeeded, message="x")
        report = InstallReport(provider=PROVIDER, succeeded=succeeded, message="x")
        await world.handle.signal(INSTALL_REPORT, report)
        await world.quiet()
        if not succeeded:
            await world.command(RETRY)
            await world.quiet()
    world.installation, world.provider_ready = None, True
    await world.nudge("provider acme changed")
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()


async def installed_after_a_failure(world: InstallerWorld) -> None:
    """An installation that fails, is retried, and reports to a deployment; then an uninstall."""
    world.errors[INSTALL_CHART.name] = [final()]
    waiter = await world.waiter()
    await world.join(waiter)
    await world.reports(waiter)
    uninstall = await world.ask(Operation.UNINSTALL)
    await world.outcome(uninstall)
    await world.join(waiter, again=True)
    await world.reports(waiter, 2)


async def cancelled_half_way(world: InstallerWorld) -> None:
    """An installation that is begun again by a person while Helm works, and then cancelled."""
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    request = await world.ask()
    for signal in ("retry", "cancel"):
        done = len(world.cancelled)
        await world.until(lambda done=done: world.calls.count(INSTALL_CHART.name) > done)  # type: ignore[misc]
        await world.handle.signal(signal)
        await world.until(lambda done=done: len(world.cancelled) > done)  # type: ignore[misc]
    await world.outcome(request)
    await world.handle.result()


STORIES: list[Callable[[World], Awaitable[None]]] = [
    to_running_and_edited,
    failed_and_retried,
    through_the_providers_queue,
    paused_and_deleted,
    paused_while_serving,
    refused_while_serving,
    waited_for_its_operator,
]
INSTALLER_STORIES: list[Callable[[InstallerWorld], Awaitable[None]]] = [
    installed_after_a_failure,
    cancelled_half_way,
]
IMAGE_STORIES: list[Callable[[World, ImageWorld], Awaitable[None]]] = [built_cancelled_and_retried]
"""Of a deployment, of its image's workflow and of the build's; see `names_with_image`."""


async def record(story: Callable[[World], Awaitable[None]]) -> str:
    """The history of a deployment's story as JSON."""
    async with _server() as env:
        world = World(
            env, ref=DeploymentRef(cluster="here", namespace="ml", name=story.__name__.replace("_", "-"))
        )
        async with core_worker(world), provider_worker(world):
            await story(world)
            return await _history_of(world.handle)


async def record_with_image(story: Callable[[World, ImageWorld], Awaitable[None]]) -> tuple[str, ...]:
    """The histories of a deployment, of the first run of its image and of its build, as JSON."""
    async with TemporalServer(headless=True) as server:
        client = await Client.connect(server.address, data_converter=data_converter())
        env = WorkflowEnvironment.from_client(client)
        world = World(
            env, ref=DeploymentRef(cluster="here", namespace="ml", name=story.__name__.replace("_", "-"))
        )
        images = ImageWorld(env)
        async with core_worker(world, images), images.build_worker(), provider_worker(world):
            first = asyncio.create_task(_first_image_histories(env, images))
            await story(world, images)
            return await _history_of(world.handle), *await first


async def _history_of(handle: WorkflowHandle[Any, Any]) -> str:
    """The history as JSON, without the name of the machine."""
    text = (await handle.fetch_history()).to_json()
    return re.sub(r'"identity": "[^"]*"', '"identity": "worker"', text)


async def _first_image_histories(env: WorkflowEnvironment, images: ImageWorld) -> list[str]:
    """Of the first runs of the first image and of its build, when they have ended."""
    await images.until(lambda: "find_model_image" in images.calls)  # by then both have been started
    plan = images.joined[0].plan
    image = model_image_workflow_id("here", plan.repository, plan.identity)
    handles = []
    for workflow_id in (image, model_image_build_workflow_id(image)):
        described = await env.client.get_workflow_handle(workflow_id).describe()
        handles.append(env.client.get_workflow_handle(workflow_id, run_id=described.run_id))
    for handle in handles:
        with suppress(WorkflowFailureError):  # the build is cancelled
            await handle.result()
    return [await _history_of(handle) for handle in handles]


async def record_installation(story: Callable[[InstallerWorld], Awaitable[None]]) -> str:
    """The history of an installation's story as JSON."""
    async with _server() as env:
        world = InstallerWorld(env, provider=story.__name__.replace("_", "-"))
        async with installer_world.core_worker(world), installer_world.installer_worker(world):
            await story(world)
            return await _history_of(world.handle)


@asynccontextmanager
async def _server() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=test_server(), data_converter=data_converter()
    ) as env:
        yield env


async def main() -> None:
    """Record the stories that have no history yet."""
    for image_story in IMAGE_STORIES:
        files = [FOLDER / f"{name}.json" for name in names_with_image(image_story.__name__)]
        if not all(file.exists() for file in files):
            for path, text in zip(files, await record_with_image(image_story), strict=True):
                path.write_text(text + "\n")
                print(f"recorded {path.name}")
    recordings = [(story.__name__, record, story) for story in STORIES]
    recordings += [(story.__name__, record_installation, story) for story in INSTALLER_STORIES]  # type: ignore[misc]
    for name, make, story in recordings:
        file = FOLDER / f"{name}.json"
        if not file.exists():
            file.write_text(await make(story) + "\n")
            print(f"recorded {file.name}")


if __name__ == "__main__":
    asyncio.run(main())
