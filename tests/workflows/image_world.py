"""A small world for tests of the image workflow: a registry and a builder that are told what to do.

Who waits is a `Listener`, a workflow that keeps the reports it gets; whole deployments are in
`test_deployment_image`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import CORE_TASK_QUEUE, IMAGE_TASK_QUEUE, image_workflow_id
    from airunway.messages.model_image import (
        BuildImageAnswer,
        BuildImageRequest,
        EnsureAnswer,
        FindImageAnswer,
        FreeSpaceAnswer,
        FreeSpaceRequest,
        ImageProgress,
        ImageReport,
        ImageRequest,
        JoinImageAnswer,
        JoinImageRequest,
        PublishImageRequest,
        ResolveImageAnswer,
        ResolveImageRequest,
        TokenRef,
        Waiter,
    )
    from airunway.modelimage.plan import ImagePlan, plan_image
    from airunway.workflows.model_image.workflow import ImageView, ModelImageWorkflow
    from tests.modelimage.build import plan, planned

DIGEST = "sha256:" + "d" * 64


@workflow.defn(name="Listener")
class Listener:
    """Stands for a deployment."""

    def __init__(self) -> None:
        self._reports: list[ImageReport] = []

    @workflow.signal
    def image_report(self, report: ImageReport) -> None:
        self._reports.append(report)

    @workflow.query
    def reports(self) -> list[ImageReport]:
        return self._reports

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@dataclass
class ImageWorld:
    """What the fakes see and did."""

    env: WorkflowEnvironment
    plan: ImagePlan = field(default_factory=lambda: plan(commit=uuid.uuid4().hex + "0" * 8))
    in_registry: set[str] = field(default_factory=set)
    """Identities of images."""
    registry_is_away: bool = False
    """Until it is ensured."""
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    """To raise, by activity, first come first served."""
    gate: asyncio.Event | None = None
    """Held closed, builds wait."""
    freed_bytes: int = 0
    mute: bool = False
    """The next to join hears nothing, as if the image's workflow were terminated at once."""
    slow_to_answer: bool = False
    """Who joins is told so only when the image's workflow has ended."""
    after_push: list[Exception] = field(default_factory=list)
    """To raise when a build has pushed already: its answer is lost."""

    calls: list[str] = field(default_factory=list)
    builds: list[BuildImageRequest] = field(default_factory=list)
    building: int = 0
    cancelled: int = 0
    freed: list[FreeSpaceRequest] = field(default_factory=list)
    resolved: list[ResolveImageRequest] = field(default_factory=list)
    joined: list[JoinImageRequest] = field(default_factory=list)
    listeners: list[WorkflowHandle[Any, Any]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    # -- activities ----------------------------------------------------------------------------------

    @activity.defn(name="resolve_image")
    async def resolve_image(self, request: ResolveImageRequest) -> ResolveImageAnswer:
        self._called("resolve_image")
        self.resolved.append(request)
        file = request.spec.file or "tiny-Q4_K_M.gguf"
        return ResolveImageAnswer(
            plan=plan_image(
                repository=request.spec.repository,
                revision=request.spec.revision,
                commit=self.plan.commit,
                files=[planned(file)],
                base=self.plan.base,
            )
        )

    @activity.defn(name="join_image")
    async def join_image(self, request: JoinImageRequest) -> JoinImageAnswer:
        self._called("join_image")
        self.joined.append(request)
        workflow_id = image_workflow_id(request.plan.identity)
        if self.mute:
            self.mute = False
        else:
            await self.join(request.waiter, of=request.plan)
        if self.slow_to_answer:
            await self.env.client.get_workflow_handle(workflow_id).result()
        return JoinImageAnswer(workflow_id=workflow_id)

    @activity.defn(name="find_image")
    async def find_image(self, request: ImageRequest) -> FindImageAnswer:
        self._called("find_image")
        if self.registry_is_away:
            return FindImageAnswer(unanswered=True)
        return _answer(request.plan) if request.plan.identity in self.in_registry else FindImageAnswer()

    @activity.defn(name="ensure_registry")
    async def ensure_registry(self, request: ImageRequest) -> EnsureAnswer:
        self._called("ensure_registry")
        self.registry_is_away = False
        return EnsureAnswer()

    @activity.defn(name="ensure_builder")
    async def ensure_builder(self, request: ImageRequest) -> EnsureAnswer:
        self._called("ensure_builder")
        return EnsureAnswer()

    @activity.defn(name="build_image")
    async def build_image(self, request: BuildImageRequest) -> BuildImageAnswer:
        self._called("build_image")
        self.builds.append(request)
        self.building += 1
        self._changed.set()
        try:
            while self.gate is not None and not self.gate.is_set():
                activity.heartbeat(ImageProgress(step="downloading"))
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cancelled += 1
            self._changed.set()
            raise
        finally:
            self.building -= 1
        if self.after_push:
            raise self.after_push.pop(0)
        return BuildImageAnswer(digest=DIGEST)

    @activity.defn(name="publish_image")
    async def publish_image(self, request: PublishImageRequest) -> FindImageAnswer:
        self._called("publish_image")
        self.in_registry.add(request.plan.identity)
        return _answer(request.plan)

    @activity.defn(name="free_build_space")
    async def free_build_space(self, request: FreeSpaceRequest) -> FreeSpaceAnswer:
        self._called("free_build_space")
        self.freed.append(request)
        return FreeSpaceAnswer(freed_bytes=self.freed_bytes)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self._changed.set()
        waiting = self.errors.get(name)
        if waiting:
            raise waiting.pop(0)

    # -- driving -------------------------------------------------------------------------------------

    async def listener(self) -> WorkflowHandle[Any, Any]:
        """Somebody who may wait."""
        handle: WorkflowHandle[Any, Any] = await self.env.client.start_workflow(
            "Listener", id=f"listener-{uuid.uuid4().hex[:8]}", task_queue=CORE_TASK_QUEUE
        )
        self.listeners.append(handle)
        return handle

    async def wait_for_image(self, *, token: TokenRef | None = None) -> WorkflowHandle[Any, Any]:
        """Have somebody new wait for the image."""
        handle = await self.listener()
        await self.join(Waiter(workflow_id=handle.id, token=token))
        return handle

    async def join(self, waiter: Waiter, *, of: ImagePlan | None = None) -> None:
        wanted = of or self.plan
        await self.env.client.start_workflow(
            ModelImageWorkflow.run,
            ImageRequest(plan=wanted),
            id=image_workflow_id(wanted.identity),
            task_queue=CORE_TASK_QUEUE,
            start_signal="join",
            start_signal_args=[waiter],
        )

    @property
    def image(self) -> WorkflowHandle[Any, Any]:
        """The image's workflow, whichever run it is."""
        return self.env.client.get_workflow_handle(image_workflow_id(self.plan.identity))

    async def leave(self, listener: WorkflowHandle[Any, Any]) -> None:
        await self.image.signal("leave", listener.id)

    async def tell(self, step: str, done: int, **more: Any) -> None:
        """Progress, as the build's activity signals it."""
        told = ImageProgress(step=step, done_bytes=done, total_bytes=1000, **more)
        await self.image.signal("progress", told)

    async def view(self) -> ImageView:
        view: ImageView = await self.image.query(ModelImageWorkflow.view)
        return view

    async def reports(self, listener: WorkflowHandle[Any, Any]) -> list[ImageReport]:
        reports: list[ImageReport] = await listener.query(Listener.reports)
        return reports

    async def until_told(
        self, listener: WorkflowHandle[Any, Any], fits: Callable[[ImageReport], bool]
    ) -> None:
        """Wait until a listener has got such a report."""
        async with asyncio.timeout(20):
            while not any(map(fits, await self.reports(listener))):
                await asyncio.sleep(0.02)

    async def outcome(self, listener: WorkflowHandle[Any, Any]) -> ImageReport:
        """The last word that a listener gets."""
        async with asyncio.timeout(20):
            while True:
                reports = await self.reports(listener)
                if reports and reports[-1].phase.is_final:
                    return reports[-1]
                await asyncio.sleep(0.02)

    async def ended(self) -> None:
        """Wait until the image's workflow has ended."""
        async with asyncio.timeout(20):
            while (await self.image.describe()).close_time is None:
                await asyncio.sleep(0.02)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    # -- workers -------------------------------------------------------------------------------------

    @property
    def activities(self) -> list[Any]:
        """All but the build."""
        return [
            self.resolve_image,
            self.join_image,
            self.find_image,
            self.ensure_registry,
            self.ensure_builder,
            self.publish_image,
            self.free_build_space,
        ]

    def build_worker(self) -> Worker:
        return Worker(
            self.env.client,
            task_queue=IMAGE_TASK_QUEUE,
            activities=[self.build_image],
            max_heartbeat_throttle_interval=timedelta(milliseconds=50),
        )

    def core_worker(self) -> Worker:
        return Worker(
            self.env.client,
            task_queue=CORE_TASK_QUEUE,
            workflows=[ModelImageWorkflow, Listener],
            activities=self.activities,
        )


def failure(kind: str, *, final: bool = True, words: str = "it did not work") -> ApplicationError:
    """What a step raises for a client's error of that class."""
    return ApplicationError(words, type=kind, non_retryable=final)


def _answer(image: ImagePlan) -> FindImageAnswer:
    name = f"localhost:30500/{image.name}"
    return FindImageAnswer(reference=f"{name}@{DIGEST}", tagged=f"{name}:{image.tag}")
