"""The progress bar of image builds for `airunway status --watch`.

How far a build is comes from the heartbeats of its activity, which Temporal keeps beside the history: fresher
than the deployment's status, which is written every ten seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import Object
from airunway.console.build_heartbeat import build_heartbeat
from airunway.messages.deployment_state import IMAGE_BUILDING, MODEL_IMAGE_READY
from airunway.messages.deployment_workflow import DeploymentView
from airunway.messages.model_image import BuildProgress
from airunway.messages.refs import DeploymentRef
from airunway.workers.settings import Settings
from airunway.workflows.model_image.details import progress_words

ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class BuildNow:
    """A deployment whose image is being built, and how far it is."""

    name: str
    progress: BuildProgress


def is_building(deployment: Object) -> bool:
    """Whether a deployment waits for the build of its image."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    building = (MODEL_IMAGE_READY, IMAGE_BUILDING)
    return any((entry["type"], entry["reason"]) == building for entry in conditions)


class Builds:
    """Asks Temporal; without it there are no bars, and the table says what the cluster knows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None

    async def of(self, deployments: Sequence[Object]) -> list[BuildNow]:
        """The builds that these deployments wait for."""
        waiting = [obj for obj in deployments if is_building(obj)]
        found = await asyncio.gather(*(self._of_one(obj) for obj in waiting))
        return [entry for entry in found if entry is not None]

    async def _of_one(self, deployment: Object) -> BuildNow | None:
        meta = deployment["metadata"]
        ref = DeploymentRef(cluster=self._settings.cluster, namespace=meta["namespace"], name=meta["name"])
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                progress = await self._progress(ref)
        except (CliError, RPCError, TemporalError, TimeoutError, ValueError):
            return None
        return BuildNow(ref.name, progress) if progress else None

    async def _progress(self, ref: DeploymentRef) -> BuildProgress | None:
        if self._client is None:
            self._client = await temporal_client(self._settings)
        handle = self._client.get_workflow_handle(ref.workflow_id)
        view: DeploymentView = await handle.query("state", result_type=DeploymentView)
        image = view.state.model_image
        if image is None or not image.workflow_id:
            return image.progress if image else None
        return await build_heartbeat(self._client, image.workflow_id) or image.progress


def bars(builds: Sequence[BuildNow]) -> RenderableType:
    """A bar for each; one that pulses where the builder does not count."""
    progress = Progress(
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
    )
    for build in builds:
        counted = build.progress.total_bytes if build.progress.done_bytes else None
        progress.add_task(
            progress_words(build.progress),
            name=build.name,
            total=counted,
            completed=build.progress.done_bytes,
        )
    return Group("", progress) if builds else Group()
