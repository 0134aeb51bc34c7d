"""A small world for tests of the image workflow: a registry and a builder that do as the test says.

Who waits is a `Listener`, which keeps the reports it gets; whole deployments are in `test_deployment_image`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

with workflow.unsafe.imports_passed_through():
    from airunway.activities.model_image.build_end import read_build_end
    from airunway.api.model_image import ModelImageRef
    from airunway.api.names import (
        IMAGES_QUEUE,
        core_task_queue,
        model_image_build_workflow_id,
        model_image_workflow_id,
        task_queue_beside,
    )
    from airunway.messages.model_image import (
        JOIN_MODEL_IMAGE,
        BuildModelImageAnswer,
        BuildModelImageRequest,
        BuildProgress,
        EnsureAnswer,
        FindModelImageAnswer,
        FreeSpaceAnswer,
        FreeSpaceRequest,
        JoinModelImageAnswer,
        JoinModelImageRequest,
        ModelImagePhase,
        ModelImageReport,
        ModelImageRequest,
        ModelImageWaiter,
        PublishModelImageAnswer,
        PublishModelImageRequest,
        ReadModelImageAnswer,
        ReadModelImageRequest,
        ResolveModelImageAnswer,
        ResolveModelImageRequest,
        TokenRef,
    )
    from airunway.messages.model_image_workflow import (
        IMAGE_PROGRESS,
        JOIN_IMAGE,
        LEAVE_IMAGE,
        READ_BUILD,
        BuildEnd,
        ModelImageInput,
        ModelImageView,
        ReadBuildAnswer,
        ReadBuildRequest,
    )
    from airunway.modelimage.plan import ModelImagePlan, plan_model_image
    from airunway.workers.tuning import give_tasks_time
    from airunway.workflows.model_image.build import ModelImageBuildWorkflow
    from airunway.workflows.model_image.workflow import ModelImageWorkflow
    from tests.modelimage.build import plan, planned
    from tests.workflows.image_listener import Listener, named, reports_of, some_deployment
    from tests.workflows.waiting import Changing, first

DIGEST = "sha256:" + "d" * 64


@dataclass
class ImageWorld(Changing):
    """What the fakes see and did."""

    env: WorkflowEnvironment
    plan: ModelImagePlan = field(default_factory=lambda: plan(commit=uuid.uuid4().hex + "0" * 8))
    in_registry: set[str] = field(default_factory=set)
    """Identities of images."""
    digest: str = DIGEST  # of an image whose outcome is read
    at_hand: bool = False  # the registry tells at once that it has the image
    registry_is_away: bool = False  # until it is ensured
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    """To raise, by activity, first come first served."""
    gate: asyncio.Event | None = None
    """Held closed, builds wait."""
    freed_bytes: int = 0
    mute: bool = False
    """The next to join is never notified, as if the image's workflow were terminated at once."""
    nobody_began: bool = False  # the last to join was not notified
    slow_to_answer: bool = False  # who joins is notified only when the image's workflow has ended
    after_push: list[Exception] = field(default_factory=list)
    """To raise when a build has pushed already: its answer is lost."""

    calls: list[str] = field(default_factory=list)
    reads: list[BuildEnd] = field(default_factory=list)
    """What was read of builds."""
    builds: list[BuildModelImageRequest] = field(default_factory=list)
    building: int = 0
    cancelled: int = 0
    freed: list[FreeSpaceRequest] = field(default_factory=list)
    resolved: list[ResolveModelImageRequest] = field(default_factory=list)
    joined: list[JoinModelImageRequest] = field(default_factory=list)
    listeners: list[WorkflowHandle[Any, Any]] = field(default_factory=list)

    # -- activities ----------------------------------------------------------------------------------

    @activity.defn(name="resolve_model_image")
    async def resolve_model_image(self, request: ResolveModelImageRequest) -> ResolveModelImageAnswer:
        self._called("resolve_model_image")
        self.resolved.append(request)
        file = request.spec.file or "tiny-Q4_K_M.gguf"
        found = plan_model_image(
            repository=request.spec.repository,
            revision=request.spec.revision,
            commit=self.plan.commit,
            files=[planned(file)],
            base=self.plan.base,
        )
        return ResolveModelImageAnswer(plan=found, image=_image(found) if self.at_hand else None)

    @activity.defn(name=JOIN_MODEL_IMAGE.name)
    async def build_image(self, request: JoinModelImageRequest) -> JoinModelImageAnswer:
        self._called(JOIN_MODEL_IMAGE.name)
        self.joined.append(request)
        workflow_id = _workflow_of(request.plan)
        self.nobody_began, self.mute = self.mute, False
        if not self.nobody_began:
            await self.join(request.waiter, of=request.plan)
        if self.slow_to_answer:
            await self.env.client.get_workflow_handle(workflow_id).result()
        return JoinModelImageAnswer(workflow_id=workflow_id)

    @activity.defn(name="find_model_image")
    async def find_model_image(self, request: ModelImageRequest) -> FindModelImageAnswer:
        self._called("find_model_image")
        if self.registry_is_away:
            return FindModelImageAnswer(unanswered=True)
        there = request.plan.identity in self.in_registry
        return FindModelImageAnswer(image=_image(request.plan) if there else None)

    @activity.defn(name="read_model_image")
    async def read_model_image(self, request: ReadModelImageRequest) -> ReadModelImageAnswer:
        self._called("read_model_image")
        if request.plan.identity in self.in_registry:
            return ReadModelImageAnswer(phase=ModelImagePhase.READY, image=_image(request.plan, self.digest))
        image = self.env.client.get_workflow_handle(_workflow_of(request.plan))
        if self.nobody_began:
            return ReadModelImageAnswer(phase=ModelImagePhase.WAITING)
        report = (await image.query(ModelImageWorkflow.view)).report
        return ReadModelImageAnswer(phase=report.phase, reason=report.reason, message=report.message)

    @activity.defn(name=READ_BUILD.name)
    async def read_build(self, request: ReadBuildRequest) -> ReadBuildAnswer:
        workflow_id = model_image_build_workflow_id(_workflow_of(request.plan))
        answer = await read_build_end(self.env.client, workflow_id, is_said_to_end=request.is_said_to_end)
        self.reads.append(answer.end)
        self._changed.set()
        if answer.end is BuildEnd.DONE:
            answer.image = _image(request.plan)
        return answer

    @activity.defn(name="ensure_registry")
    async def ensure_registry(self, request: ModelImageRequest) -> EnsureAnswer:
        self._called("ensure_registry")
        self.registry_is_away = False
        return EnsureAnswer()

    @activity.defn(name="ensure_builder")
    async def ensure_builder(self, request: ModelImageRequest) -> EnsureAnswer:
        self._called("ensure_builder")
        return EnsureAnswer()

    @activity.defn(name="build_model_image")
    async def build_model_image(self, request: BuildModelImageRequest) -> BuildModelImageAnswer:
        self._called("build_model_image")
        self.builds.append(request)
        self.building += 1
        self._changed.set()
        try:
            while self.gate is not None and not self.gate.is_set():
                activity.heartbeat(BuildProgress(step="downloading"))
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cancelled += 1
            self._changed.set()
            raise
        finally:
            self.building -= 1
        if self.after_push:
            raise self.after_push.pop(0)
        return BuildModelImageAnswer(digest=DIGEST)

    @activity.defn(name="publish_model_image")
    async def publish_model_image(self, request: PublishModelImageRequest) -> PublishModelImageAnswer:
        self._called("publish_model_image")
        self.in_registry.add(request.plan.identity)
        return PublishModelImageAnswer(image=_image(request.plan))

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
            "Listener",
            id=some_deployment(f"listener-{uuid.uuid4().hex[:8]}").workflow_id,
            task_queue=core_task_queue("here"),
        )
        self.listeners.append(handle)
        return handle

    async def wait_for_image(self, *, token: TokenRef | None = None) -> WorkflowHandle[Any, Any]:
        """Have somebody new wait for the image."""
        handle = await self.listener()
        await self.join(ModelImageWaiter(ref=named(handle), token=token))
        return handle

    async def being_built(self) -> tuple[WorkflowHandle[Any, Any], asyncio.Event]:
        """Somebody waits for the image, which is being built until the event is set."""
        self.gate = asyncio.Event()
        listener = await self.wait_for_image()
        await self.until(lambda: self.building == 1)
        return listener, self.gate

    async def join(self, waiter: ModelImageWaiter, *, of: ModelImagePlan | None = None) -> None:
        wanted = of or self.plan
        await self.env.client.start_workflow(
            ModelImageWorkflow.run,
            ModelImageInput(plan=wanted),
            id=_workflow_of(wanted),
            task_queue=core_task_queue("here"),
            start_signal=JOIN_IMAGE,
            start_signal_args=[waiter],
        )

    @property
    def image(self) -> WorkflowHandle[Any, Any]:
        """The image's workflow, whichever run it is."""
        return self.env.client.get_workflow_handle(_workflow_of(self.plan))

    async def leave(self, listener: WorkflowHandle[Any, Any]) -> None:
        await self.image.signal(LEAVE_IMAGE, listener.id)

    async def report_progress(self, step: str, done: int, **more: Any) -> None:
        """Progress, as the build's activity signals it."""
        progress = BuildProgress(step=step, done_bytes=done, total_bytes=1000, **more)
        await self.image.signal(IMAGE_PROGRESS, progress)

    async def view(self) -> ModelImageView:
        view: ModelImageView = await self.image.query(ModelImageWorkflow.view)
        return view

    async def until_reported(
        self, listener: WorkflowHandle[Any, Any], fits: Callable[[ModelImageReport], bool]
    ) -> None:
        """Wait until a listener has got such a report."""

        async def find() -> ModelImageReport | None:
            return next(filter(fits, await reports_of(listener)), None)

        await first(find)

    async def outcome(self, listener: WorkflowHandle[Any, Any]) -> ModelImageReport:
        """The last word that a listener gets."""

        async def find() -> ModelImageReport | None:
            reports = await reports_of(listener)
            return reports[-1] if reports and reports[-1].phase.is_final else None

        return await first(find)

    async def ended(self) -> None:
        """Wait until the image's workflow has ended."""

        async def find() -> datetime | None:
            return (await self.image.describe()).close_time

        await first(find)

    async def end(self) -> None:
        """Nothing goes on that this test began."""
        images = {_workflow_of(of) for of in (self.plan, *(request.plan for request in self.joined))}
        listeners = [listener.id for listener in self.listeners]
        for workflow_id in (*images, *map(model_image_build_workflow_id, images), *listeners):
            with suppress(RPCError):  # it has ended
                await self.env.client.get_workflow_handle(workflow_id).terminate()

    # -- workers -------------------------------------------------------------------------------------

    @property
    def activities(self) -> list[Any]:
        """All but the build."""
        return [
            self.resolve_model_image,
            self.read_model_image,
            self.build_image,
            self.read_build,
            self.find_model_image,
            self.ensure_registry,
            self.ensure_builder,
            self.publish_model_image,
            self.free_build_space,
        ]

    def build_worker(self) -> Worker:
        return Worker(
            self.env.client,
            task_queue=task_queue_beside(core_task_queue("here"), IMAGES_QUEUE),
            activities=[self.build_model_image],
            max_heartbeat_throttle_interval=timedelta(milliseconds=50),
        )

    def core_worker(self, *, is_sandboxed: bool = True) -> Worker:
        """Not sandboxed, workflows see what a test sets in their modules."""
        worker = Worker(
            self.env.client,
            workflow_runner=SandboxedWorkflowRunner() if is_sandboxed else UnsandboxedWorkflowRunner(),
            task_queue=core_task_queue("here"),
            workflows=[ModelImageWorkflow, ModelImageBuildWorkflow, Listener],
            activities=self.activities,
        )
        return give_tasks_time(worker)


def _workflow_of(plan: ModelImagePlan) -> str:
    return model_image_workflow_id("here", plan.repository, plan.identity)


def _image(of: ModelImagePlan, digest: str = DIGEST) -> ModelImageRef:
    name = f"localhost:30500/{of.name}"
    return ModelImageRef(reference=f"{name}@{digest}", tagged=f"{name}:{of.tag}")
