"""Activities of model images: find out, join, bring registry and builder about, build, publish."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from airunway.activities.errors import to_application_error, translated_errors
from airunway.activities.model_image.build import WatchedBuild
from airunway.activities.model_image.cluster import ImageCluster
from airunway.activities.model_image.errors import ImageNotVerified
from airunway.activities.model_image.options import Builder, BuildOrder, Hub, ImageOptions
from airunway.activities.model_image.resolve import ImageResolver, Tokens
from airunway.api import names
from airunway.clients.errors import ClientError
from airunway.clients.huggingface import HubRepository
from airunway.clients.registry.errors import ImageBroken, RegistryUnavailable
from airunway.clients.registry.storage import ModelImageStorage, StoredModelImage
from airunway.messages.model_image import (
    BUILD_IMAGE,
    ENSURE_BUILDER,
    ENSURE_REGISTRY,
    FIND_IMAGE,
    FREE_SPACE,
    JOIN_IMAGE,
    PUBLISH_IMAGE,
    RESOLVE_IMAGE,
    TRIED_TWICE,
    BuildImageAnswer,
    BuildImageRequest,
    EnsureAnswer,
    FindImageAnswer,
    FreeSpaceAnswer,
    FreeSpaceRequest,
    ImageProgress,
    ImageRequest,
    JoinImageAnswer,
    JoinImageRequest,
    PublishImageRequest,
    ResolveImageAnswer,
    ResolveImageRequest,
    TokenRef,
)
from airunway.modelimage.naming import staging_tag
from airunway.modelimage.plan import AIKIT_LAYOUT, ImagePlan

_log = structlog.get_logger(__name__)

IMAGE_WORKFLOW = "ModelImageWorkflow"
QUIET_AT_FIRST = timedelta(seconds=10)
"""A later attempt says nothing for so long: until then the trouble of the last one is what is to be shown."""
MAX_PAUSE_SECONDS = 256


class ImageActivities:
    """The activities of one process.

    `registry_keeper`, `builder_keeper`: who brings them about in the cluster; None: somebody else's are used.
    """

    def __init__(
        self,
        options: ImageOptions,
        *,
        resolver: ImageResolver,
        tokens: Tokens,
        hub: Hub,
        store: ModelImageStorage,
        builder: Builder,
        registry_keeper: ImageCluster | None = None,
        builder_keeper: ImageCluster | None = None,
    ) -> None:
        self._options = options
        self._resolver, self._tokens, self._hub = resolver, tokens, hub
        self._store, self._builder = store, builder
        self._registry_keeper, self._builder_keeper = registry_keeper, builder_keeper

    @property
    def all(self) -> list[Any]:
        """What a worker of the core registers."""
        return [
            self.resolve_image,
            self.join_image,
            self.find_image,
            self.ensure_registry,
            self.ensure_builder,
            self.publish_image,
            self.free_build_space,
        ]

    @property
    def builds(self) -> list[Any]:
        """What a worker of the builds' own queue registers."""
        return [self.build_image]

    # -- for a deployment ------------------------------------------------------------------------------

    @activity.defn(name=RESOLVE_IMAGE.name)
    async def resolve_image(self, request: ResolveImageRequest) -> ResolveImageAnswer:
        """Find out commit, files, digests and base."""
        with translated_errors(benign=True):
            return ResolveImageAnswer(plan=await self._resolver.plan(request.ref.namespace, request.wish))

    @activity.defn(name=JOIN_IMAGE.name)
    async def join_image(self, request: JoinImageRequest) -> JoinImageAnswer:
        """Signal the image's workflow, and start it if it does not run."""
        workflow_id = names.image_workflow_id(request.plan.identity)
        await activity.client().start_workflow(
            IMAGE_WORKFLOW,
            ImageRequest(plan=request.plan),
            id=workflow_id,
            task_queue=names.CORE_TASK_QUEUE,
            start_signal="join",
            start_signal_args=[request.waiter],
            static_summary=f"image of {request.plan.repository}",
        )
        return JoinImageAnswer(workflow_id=workflow_id)

    # -- before the build --------------------------------------------------------------------------------

    @activity.defn(name=FIND_IMAGE.name)
    async def find_image(self, request: ImageRequest) -> FindImageAnswer:
        """Look whether the registry has the image."""
        plan = request.plan
        async with _telling_trouble("looking for the image in the registry"):
            try:
                found = await self._store.find(plan.name, plan.tag)
                if found is None or _flaw(found, plan) or not await self._store.has_blobs(found):
                    return FindImageAnswer()
            except ImageBroken:
                return FindImageAnswer()  # then it is built again
            except RegistryUnavailable:
                if self._registry_keeper is None:
                    raise
                return FindImageAnswer(unanswered=True)
        return self._answer(found, plan)

    @activity.defn(name=ENSURE_REGISTRY.name)
    async def ensure_registry(self, request: ImageRequest) -> EnsureAnswer:
        """Bring the registry about, or see that somebody else's answers."""
        async with _telling_trouble("preparing the registry"):
            keeper = self._registry_keeper
            detail = await keeper.ensure_registry() if keeper else ""
            await self._store.ping()
        return EnsureAnswer(detail=detail or f"registry {self._store.host} answers")

    @activity.defn(name=ENSURE_BUILDER.name)
    async def ensure_builder(self, request: ImageRequest) -> EnsureAnswer:
        """Bring the builder about, or see that somebody else's answers."""
        async with _telling_trouble("preparing the builder"):
            keeper = self._builder_keeper
            detail = await keeper.ensure_builder() if keeper else ""
            version = await self._builder.check()
        return EnsureAnswer(detail=detail or f"BuildKit {version}")

    # -- the build ---------------------------------------------------------------------------------------

    @activity.defn(name=BUILD_IMAGE.name)
    async def build_image(self, request: BuildImageRequest) -> BuildImageAnswer:
        """Build and push, under a tag that nothing is ever deployed from."""
        info, image = activity.info(), _own_workflow()
        activity.heartbeat(ImageProgress(step="starting", total_bytes=request.plan.total_bytes))
        try:
            order = await self._order(request)
            watched = WatchedBuild(
                order,
                beat=activity.heartbeat,
                tell=lambda progress: _tell(image, progress),
                stall=self._options.stall,
                quiet=QUIET_AT_FIRST if info.attempt > 1 else timedelta(0),
            )
            return BuildImageAnswer(digest=await watched.run(self._builder))
        except ClientError as err:
            if err.retry_after is not None:  # who asks for a second again and again is given more
                err.retry_after = max(
                    err.retry_after, float(min(2 ** min(info.attempt, 10), MAX_PAUSE_SECONDS))
                )
            failure = to_application_error(err, benign=True)
            if failure.type in TRIED_TWICE and info.attempt > 1:
                failure = ApplicationError(
                    str(err), type=failure.type, non_retryable=True, category=failure.category
                )
            if not failure.non_retryable:
                trouble = f"{err}; trying again"  # without a number: the same trouble is no news
                await _tell(image, ImageProgress(step="waiting to try again", trouble=trouble))
            # Without its cause, whose words are the daemon's: nobody has taken secrets out of those.
            raise failure from None

    async def _order(self, request: BuildImageRequest) -> BuildOrder:
        plan = request.plan
        token = await self._token(request.tokens)
        base = await self._resolver.base_config(plan)
        repository = HubRepository(name=plan.repository, commit=plan.commit, files=())
        return BuildOrder(
            plan=plan,
            urls=tuple(self._hub.url(repository, file.path) for file in plan.files),
            base_config=base.config,
            push_to=f"{self._options.push_host}/{plan.name}:{staging_tag(plan.identity)}",
            insecure=self._store.insecure,
            ref=f"{plan.identity[:24]}-{uuid.uuid4().hex[:12]}",
            token=token,
            login=await asyncio.to_thread(self._store.credentials),
        )

    async def _token(self, tokens: Sequence[TokenRef]) -> str:
        """The first token that can be read; empty when nobody has one. Raises the last one's error."""
        problem: ClientError | None = None
        for ref in tokens:
            try:
                return await self._tokens.read(ref)
            except ClientError as err:
                problem = err
        if problem is not None:
            raise problem
        return ""

    # -- after the build -----------------------------------------------------------------------------------

    @activity.defn(name=PUBLISH_IMAGE.name)
    async def publish_image(self, request: PublishImageRequest) -> FindImageAnswer:
        """Pull the manifest back, compare, and only then move the tags."""
        plan = request.plan
        async with _telling_trouble("verifying the pushed image"):
            found = await self._store.find(plan.name, request.digest)
            if found is None:
                raise ImageNotVerified(f"{plan.name}@{request.digest} is not in the registry after its push")
            flaw = _flaw(found, plan)
            if flaw or not await self._store.has_blobs(found):
                raise ImageNotVerified(f"{plan.name}@{found.digest}: {flaw or 'layers are missing'}")
            await self._store.tag(found, plan.tag)
            if await self._may_move_visible_tag(plan):
                await self._store.tag(found, plan.visible_tag)
        return self._answer(found, plan)

    async def _may_move_visible_tag(self, plan: ImagePlan) -> bool:
        """Whether AI Runway's tag, which several models may share, is free or was this file's before."""
        try:
            there = await self._store.find(plan.name, plan.visible_tag)
        except ImageBroken:
            return False
        if there is None:
            return True
        was = (there.labels.get(names.LABEL_IMAGE_MODEL), there.labels.get(names.LABEL_IMAGE_FILE))
        return was == (plan.repository, plan.main.path)

    @activity.defn(name=FREE_SPACE.name)
    async def free_build_space(self, request: FreeSpaceRequest) -> FreeSpaceAnswer:
        """Drop what the builder keeps of an image's files, or everything that is not in use."""
        plan = request.plan
        repository = HubRepository(name=plan.repository, commit=plan.commit, files=())
        urls = tuple(self._hub.url(repository, file.path) for file in plan.files)
        with translated_errors(benign=True):
            freed = await self._builder.free(None if request.everything else plan, urls)
        return FreeSpaceAnswer(freed_bytes=freed)

    def _answer(self, found: StoredModelImage, plan: ImagePlan) -> FindImageAnswer:
        name = f"{self._options.pull_host}/{plan.name}"
        return FindImageAnswer(reference=f"{name}@{found.digest}", tagged=f"{name}:{plan.tag}")


def _flaw(found: StoredModelImage, plan: ImagePlan) -> str:
    """Why an image is not the one of the plan; empty when it is. AIKit's images say nothing of themselves."""
    if plan.layout == AIKIT_LAYOUT:
        return ""
    if found.layer_bytes < plan.total_bytes:
        return f"its layers have {found.layer_bytes} bytes, the model alone {plan.total_bytes}"
    if found.labels.get(names.LABEL_IMAGE_IDENTITY) != plan.identity:
        return "its config carries another identity"
    return ""


@asynccontextmanager
async def _telling_trouble(step: str) -> AsyncIterator[None]:
    """Translate a client's errors; what is tried again is told to who waits, ever more seldom."""
    try:
        yield
    except ClientError as err:
        attempt = activity.info().attempt
        if err.retryable and attempt & (attempt - 1) == 0:
            await _tell(_own_workflow(), ImageProgress(step=step, trouble=str(err)))
        raise to_application_error(err, benign=True) from err


def _own_workflow() -> WorkflowHandle[Any, Any]:
    """The workflow of the image that this activity is for."""
    info = activity.info()
    return activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)


async def _tell(image: WorkflowHandle[Any, Any], progress: ImageProgress) -> None:
    """Signal progress; one that is lost is made good by the next."""
    try:
        await image.signal("progress", progress)
    except RPCError as err:
        _log.info("progress not told", image=image.id, error=err.message)
