"""Activities of model images: find out, join, ensure registry and builder, build, publish. Thin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.common import Priority
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from airunway.activities.errors import benign_errors, to_application_error
from airunway.activities.model_image.build import WatchedBuild
from airunway.activities.model_image.build_end import read_build_end
from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.options import Builder, ModelImageOptions
from airunway.activities.model_image.orders import BuildOrders
from airunway.activities.model_image.others import read_others
from airunway.activities.model_image.progress import send_progress, trouble_reported
from airunway.activities.model_image.published import PublishedModelImages
from airunway.activities.model_image.pull_secrets import PullSecrets
from airunway.activities.model_image.resolve import ModelImageResolver
from airunway.activities.model_image.room import RegistryRoom
from airunway.activities.model_image.wanted import (
    ImageOwners,
    refuse_foreign_image,
    refuse_foreign_token,
    refuse_other_plan,
)
from airunway.activities.step import implements
from airunway.activities.trust.image_signer import ImageSigner
from airunway.api import names
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.clients.errors import ClientError
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.messages.deployment_workflow import STATE_QUERY
from airunway.messages.image_others import READ_IMAGE_WAITERS, ReadImageWaitersAnswer, ReadImageWaitersRequest
from airunway.messages.model_image import (
    BUILD_MODEL_IMAGE,
    ENSURE_BUILDER,
    ENSURE_REGISTRY,
    FIND_MODEL_IMAGE,
    FREE_SPACE,
    JOIN_MODEL_IMAGE,
    PUBLISH_MODEL_IMAGE,
    READ_MODEL_IMAGE,
    RESOLVE_MODEL_IMAGE,
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
    ModelImageRequest,
    PublishModelImageAnswer,
    PublishModelImageRequest,
    ReadModelImageAnswer,
    ReadModelImageRequest,
    ResolveModelImageAnswer,
    ResolveModelImageRequest,
)
from airunway.messages.model_image_failures import BUILD_LOST, TRIED_TWICE
from airunway.messages.model_image_workflow import (
    JOIN_IMAGE,
    READ_BUILD,
    BuildEnd,
    ModelImageInput,
    ModelImageView,
    ReadBuildAnswer,
    ReadBuildRequest,
)
from airunway.messages.search_attributes import CLUSTER, MODEL, attributes_at_start
from airunway.modelimage.plan import ModelImagePlan

QUIET_AT_FIRST = timedelta(seconds=10)
"""A later attempt says nothing for so long: until then the trouble of the last one is what is to be shown."""
MAX_RETRY_AFTER_SECONDS = 256
AT_HAND_SECONDS = 1.5
"""Under the time that a step has inline, most of which the hub may have taken."""


class ModelImageActivities:
    """The activities of one process.

    `registry_keeper`, `builder_keeper`: who ensures them in the cluster; None: somebody else's are used.
    `search_attributes`: those of ours that the Temporal namespace has now. `signer`: signs what is built;
    None: nobody does. `pull_secrets`: of namespaces with private images; None: whoever keeps the registry has
    made them.
    """

    def __init__(
        self,
        options: ModelImageOptions,
        *,
        resolver: ModelImageResolver,
        orders: BuildOrders,
        owners: ImageOwners,
        published: PublishedModelImages,
        builder: Builder,
        room: RegistryRoom,
        registry_keeper: BuildServices | None = None,
        builder_keeper: BuildServices | None = None,
        search_attributes: Callable[[], Collection[str]] = tuple,
        signer: ImageSigner | None = None,
        pull_secrets: PullSecrets | None = None,
    ) -> None:
        self._options, self._resolver, self._orders = options, resolver, orders
        self._owners, self._published, self._builder = owners, published, builder
        self._room = room
        self._registry_keeper, self._builder_keeper = registry_keeper, builder_keeper
        self._search_attributes = search_attributes
        self._signer, self._pull_secrets = signer, pull_secrets

    @property
    def all(self) -> list[Any]:
        """What a worker of the core registers."""
        return [
            self.resolve_model_image,
            self.read_model_image,
            self.join_model_image,
            self.read_image_waiters,
            self.read_build,
            self.find_model_image,
            self.ensure_registry,
            self.ensure_builder,
            self.publish_model_image,
            self.free_build_space,
        ]

    @property
    def builds(self) -> list[Any]:
        """What a worker of the builds' own queue registers."""
        return [self.build_model_image]

    # -- for a deployment ------------------------------------------------------------------------------

    @implements(RESOLVE_MODEL_IMAGE, errors=benign_errors)
    async def resolve_model_image(self, request: ResolveModelImageRequest) -> ResolveModelImageAnswer:
        """Find out commit, files, digests and base; and whether the image is there already."""
        deployment = await self._owners.refuse_unwanted(request.ref, request.spec)
        plan = await self._resolver.plan(request.ref.namespace, request.spec)
        image = await self._at_hand(plan)
        if image is not None and plan.private_to and self._pull_secrets:
            await self._pull_secrets.ensure(plan.private_to, [deployment])
        return ResolveModelImageAnswer(plan=plan, image=image)

    async def _at_hand(self, plan: ModelImagePlan) -> ModelImageRef | None:
        """The image, if the registry tells at once. With more patience it is looked for by its workflow."""
        try:
            async with asyncio.timeout(AT_HAND_SECONDS):
                return await self._find(plan)
        except (ClientError, TimeoutError):
            return None

    @implements(READ_MODEL_IMAGE, errors=benign_errors)
    async def read_model_image(self, request: ReadModelImageRequest) -> ReadModelImageAnswer:
        """Find out what became of an image: from the registry, else from the workflow that makes it."""
        plan = request.plan
        refuse_other_plan(plan, self._options)
        refuse_foreign_image(plan, request.ref.namespace)
        image = await self._published.find(plan)
        if image is not None:
            if plan.private_to and self._pull_secrets:
                spec = ModelImageSpec(repository=plan.repository, revision=plan.revision)
                deployment = await self._owners.refuse_unwanted(request.ref, spec)
                await self._pull_secrets.ensure(plan.private_to, [deployment])
            return ReadModelImageAnswer(phase=ModelImagePhase.READY, image=image)
        try:
            handle = activity.client().get_workflow_handle(self._workflow_of(plan))
            report = (await handle.query(STATE_QUERY, result_type=ModelImageView)).report
        except RPCError as err:
            if err.status is not RPCStatusCode.NOT_FOUND:
                raise
            return ReadModelImageAnswer(phase=ModelImagePhase.WAITING)
        if report.phase is ModelImagePhase.READY:  # and the registry has it not, or not any more
            return ReadModelImageAnswer(phase=ModelImagePhase.WAITING)
        return ReadModelImageAnswer(phase=report.phase, reason=report.reason, message=report.message)

    def _workflow_of(self, plan: ModelImagePlan) -> str:
        return names.model_image_workflow_id(self._options.cluster_name, plan.repository, plan.identity)

    @implements(JOIN_MODEL_IMAGE)
    async def join_model_image(self, request: JoinModelImageRequest) -> JoinModelImageAnswer:
        """Signal the image's workflow, and start it if it does not run."""
        refuse_other_plan(request.plan, self._options)
        refuse_foreign_token(request.waiter)
        refuse_foreign_image(request.plan, request.waiter.ref.namespace)
        workflow_id = self._workflow_of(request.plan)
        await activity.client().start_workflow(
            names.MODEL_IMAGE_WORKFLOW,
            ModelImageInput(plan=request.plan),
            id=workflow_id,
            task_queue=names.core_task_queue(self._options.cluster_name),
            start_signal=JOIN_IMAGE,
            start_signal_args=[request.waiter],
            priority=Priority(fairness_key=names.namespace_of(request.waiter.workflow_id)),
            search_attributes=attributes_at_start(
                {CLUSTER: self._options.cluster_name, MODEL: request.plan.repository},
                self._search_attributes(),
            ),
            static_summary=f"image of {request.plan.repository}",
        )
        return JoinModelImageAnswer(workflow_id=workflow_id)

    @implements(READ_IMAGE_WAITERS, errors=benign_errors)
    async def read_image_waiters(self, request: ReadImageWaitersRequest) -> ReadImageWaitersAnswer:
        """Find out who waits for an image besides the deployment."""
        refuse_other_plan(request.plan, self._options)
        refuse_foreign_image(request.plan, request.ref.namespace)
        return await read_others(activity.client(), self._workflow_of(request.plan), request.ref)

    # -- for the image's workflow ------------------------------------------------------------------------

    @implements(READ_BUILD, errors=benign_errors)
    async def read_build(self, request: ReadBuildRequest) -> ReadBuildAnswer:
        """Find out what became of a build: how from Temporal, the image itself from the registry."""
        refuse_other_plan(request.plan, self._options)
        workflow_id = names.model_image_build_workflow_id(self._workflow_of(request.plan))
        answer = await read_build_end(activity.client(), workflow_id, is_said_to_end=request.is_said_to_end)
        if answer.end is BuildEnd.DONE:
            answer.image = await self._find(request.plan)
            if answer.image is None:
                words = f"workflow {workflow_id} says that the image is built, and the registry has it not"
                return ReadBuildAnswer(end=BuildEnd.LOST, reason=BUILD_LOST, message=words)
        return answer

    async def _find(self, plan: ModelImagePlan) -> ModelImageRef | None:
        """The image of a plan. One that is to be signed and is not was not published to its end, or before
        there was a key: it counts as not there, as nobody knows who put it there."""
        image = await self._published.find(plan)
        if image is None or self._signer is None:
            return image
        digest = image.reference.partition("@")[2]
        return image if await self._signer.is_signed(plan.name, digest) else None

    # -- before the build --------------------------------------------------------------------------------

    @implements(FIND_MODEL_IMAGE)
    async def find_model_image(self, request: ModelImageRequest) -> FindModelImageAnswer:
        """Ask whether the registry has the image."""
        refuse_other_plan(request.plan, self._options)
        async with trouble_reported("looking for the image in the registry"):
            try:
                return FindModelImageAnswer(image=await self._find(request.plan))
            except RegistryUnavailable:
                if self._registry_keeper is None:
                    raise
                return FindModelImageAnswer(unanswered=True)

    @implements(ENSURE_REGISTRY)
    async def ensure_registry(self, request: ModelImageRequest) -> EnsureAnswer:
        """Ensure the registry, or see that somebody else's answers; and that ours has room for the image."""
        refuse_other_plan(request.plan, self._options)
        async with trouble_reported("preparing the registry"):
            keeper = self._registry_keeper
            detail = await keeper.ensure_registry() if keeper else ""
            if keeper and request.plan.private_to:
                await keeper.refuse_foreign_registry()
            host = await self._published.check(request.plan)
            await self._room.make(request.plan, request.namespace)
            if keeper and (freed_at := await self._room.freed_at()):
                detail = await keeper.ensure_registry(freed_at=freed_at)
        return EnsureAnswer(detail=detail or f"registry {host} answers")

    @implements(ENSURE_BUILDER)
    async def ensure_builder(self, request: ModelImageRequest) -> EnsureAnswer:
        """Ensure the builder, or see that somebody else's answers."""
        refuse_other_plan(request.plan, self._options)
        async with trouble_reported("preparing the builder"):
            keeper = self._builder_keeper
            detail = await keeper.ensure_builder() if keeper else ""
            version = await self._builder.check()
        return EnsureAnswer(detail=detail or f"BuildKit {version}")

    # -- the build ---------------------------------------------------------------------------------------

    @implements(BUILD_MODEL_IMAGE)
    async def build_model_image(self, request: BuildModelImageRequest) -> BuildModelImageAnswer:
        """Build and push, under a tag that nothing is ever deployed from."""
        refuse_other_plan(request.plan, self._options)
        attempt = activity.info().attempt
        activity.heartbeat(BuildProgress(step="starting", total_bytes=request.plan.total_bytes))
        try:
            async with self._room.build(request.plan, request.namespace) as build:
                watched = WatchedBuild(
                    await self._orders.order(request.plan, request.waiters),
                    beat=activity.heartbeat,
                    signal=send_progress,
                    stall=self._options.stall,
                    quiet=QUIET_AT_FIRST if attempt > 1 else timedelta(0),
                )
                build.digest = await watched.run(self._builder)
            return BuildModelImageAnswer(digest=build.digest)
        except ClientError as err:
            failure = _build_failure(err, attempt)
            if not failure.non_retryable:
                trouble = f"{err}; trying again"  # without a number: the same trouble is not reported again
                await send_progress(BuildProgress(step="waiting to try again", trouble=trouble))
            # Without its cause, whose words are the daemon's: nobody has taken secrets out of those.
            raise failure from None

    # -- after the build -----------------------------------------------------------------------------------

    @implements(PUBLISH_MODEL_IMAGE)
    async def publish_model_image(self, request: PublishModelImageRequest) -> PublishModelImageAnswer:
        """Verify what was pushed, only then move the tags, and sign it."""
        refuse_other_plan(request.plan, self._options)
        async with trouble_reported("verifying the pushed image"):
            image = await self._published.publish(request.plan, request.digest)
            if self._signer is not None:
                await self._signer.sign(request.plan.name, request.digest)
        return PublishModelImageAnswer(image=image)

    @implements(FREE_SPACE, errors=benign_errors)
    async def free_build_space(self, request: FreeSpaceRequest) -> FreeSpaceAnswer:
        """Drop what the builder keeps of an image's files, or everything that is not in use."""
        plan = request.plan
        refuse_other_plan(plan, self._options)
        if not request.everything:  # the build was cancelled
            await self._room.release(plan)
        freed = await self._builder.free(None if request.everything else plan, self._orders.urls(plan))
        return FreeSpaceAnswer(freed_bytes=freed)


def _build_failure(err: ClientError, attempt: int) -> ApplicationError:
    """What an attempt's error means: twice the same uncertain cause is no accident."""
    if err.retry_after is not None:  # who asks for a second again and again is given more
        err.retry_after = max(err.retry_after, float(min(2 ** min(attempt, 10), MAX_RETRY_AFTER_SECONDS)))
    failure = to_application_error(err, benign=True)
    if failure.type in TRIED_TWICE and attempt > 1:
        return ApplicationError(str(err), type=failure.type, non_retryable=True, category=failure.category)
    return failure
