"""Render one generation of a deployment, and find out what of it has to be written. Writes nothing.

Every object is looked at before the first is written, so that nothing is half done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from airunway.activities.deployment.reading import parsed, with_status
from airunway.activities.trust.rendered_trust import IMAGE_VERIFIED, RenderedTrust
from airunway.activities.upstream.adoption import Adoption, adopted
from airunway.activities.upstream.cluster_features import cluster_features
from airunway.activities.upstream.external_replicas import are_external, with_live_replicas
from airunway.activities.upstream.failures import StepFailed, failed
from airunway.activities.upstream.following import followers, read_made
from airunway.activities.upstream.inspection import (
    Inspection,
    inspect,
    owned_among,
    read_applied,
    unseen,
)
from airunway.activities.upstream.kept import asked_for, kept_as_served
from airunway.activities.upstream.owner import missing_finalizer, refuse_other_choice, usable_image
from airunway.activities.upstream.render_context import Surroundings, prepare
from airunway.activities.upstream.reported_status import reported_status, status_of
from airunway.activities.upstream.stages import ObjectCreate, judge_stages
from airunway.activities.upstream.tenant_account import explained_rights
from airunway.activities.upstream.write_plan import (
    Method,
    ObjectDelete,
    WritePlan,
    applied,
    in_words,
    plan_writes,
)
from airunway.api.adoption import ADOPTED, left_as_found
from airunway.api.cluster_features import RENDERED_FOR_CLUSTER
from airunway.api.conditions import condition
from airunway.api.kept import KEPT_AS_SERVED, kept_condition
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.failure_endings import LOOKS_AGAIN
from airunway.messages.upstream import RenderAnswer, RenderRequest
from airunway.provider import MainObject, Provider, RenderContext, RenderError
from airunway.provider.argument_advice import ARGUMENTS_RECOGNIZED, argument_condition


@dataclass(kw_only=True)
class RenderedObjects:
    """What one generation takes: the answer for the history, and the objects, which stay out of it.

    `owner`: the deployment as it was rendered from. `left`: what is left as another controller made it, and
    how it differs from what is rendered, in words.
    """

    request: RenderRequest
    owner: Object
    answer: RenderAnswer = field(default_factory=RenderAnswer)
    stages: list[ObjectCreate | ObjectDelete] = field(default_factory=list)
    plan: WritePlan = field(default_factory=WritePlan)
    left: Sequence[str] = ()


class UpstreamRendering:
    """One rendering. Made for one request and thrown away; collects what there is to say on the way.

    `inspect_all`: read what is there also where a create would show it.
    """

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        request: RenderRequest,
        owner: Object,
        *,
        surroundings: Surroundings,
        inspect_all: bool = False,
    ) -> None:
        self._cluster, self._provider, self._request = cluster, provider, request
        self._surroundings, self._inspect_all = surroundings, inspect_all
        self._result = RenderedObjects(request=request, owner=owner)
        self._answer = self._result.answer
        self._trust = RenderedTrust(surroundings.gate, request)
        self._made: list[Object] | None = None
        """What the operator made of the main object; None when nobody read that."""

    async def run(self) -> RenderedObjects:
        """Do it. Raises ApiError where trying again can help, a final failure for what the owner denies."""
        refuse_other_choice(self._result.owner, self._request)
        deployment = self._deployment()
        try:
            with explained_rights(f"looking at the objects of {self._request.ref.name}"):
                await self._plan(deployment)
        except StepFailed as stop:
            self._answer.failure = stop.failure
            self._answer.objects = self._request.applied
            if self._answer.planned:  # what a stage wants in any case
                self._answer.finalizer = missing_finalizer(self._result.owner, self._provider)
        return self._result

    def _deployment(self) -> ModelDeployment:
        # What the spec names may not be in the status yet: it is written in one write with what came of it.
        owner, request = self._result.owner, self._request
        status = owner.get("status") or {}
        sections = {"provider": {**(status.get("provider") or {}), "name": self._provider.name}}
        if request.engine:
            sections["engine"] = {**(status.get("engine") or {}), "type": request.engine}
        image = usable_image(owner, request)
        if image is not None:
            sections["image"] = image.dump()
        return parsed(with_status(owner, **sections))

    async def _plan(self, deployment: ModelDeployment) -> None:
        self._check(deployment)
        await self._trust.begin(deployment)
        context = await self._prepare(deployment, await self._features())
        if context is None:
            await self._report_applied()
            return
        rendered = await self._admitted(self._render(deployment, context), context)
        found = await self._adopted(rendered, deployment)
        # What was left as it was found needs nothing to come before it.
        if (found and found.main_is_left) or await self._stages_are_ready(deployment, context):
            inspection = found.inspection if found else await self._inspect(rendered, deployment)
            inspection = self._kept(inspection, deployment, context)
            plan = self._plan_writes(inspection)
            self._result.plan = await self._with_followers(plan, deployment)
            self._answer.planned += in_words(self._result.plan)
        await self._report(self._result.plan)

    def _check(self, deployment: ModelDeployment) -> None:
        problem = self._provider.check(deployment)
        if problem:
            raise failed("IncompatibleConfiguration", problem, ["ProviderCompatible"])
        self._answer.conditions.append(condition("ProviderCompatible", "True", "CompatibilityVerified"))
        self._answer.ignored_fields = self._provider.ignored_fields(deployment)
        self._answer.replica_selector = self._provider.replica_selector(deployment.name)
        self._answer.pod_label = self._provider.pod_label
        odd = argument_condition(self._provider, deployment)
        self._answer.conditions += [odd] if odd else []
        self._answer.cleared += [] if odd else [ARGUMENTS_RECOGNIZED]

    async def _features(self) -> list[str]:
        found = await cluster_features(
            self._cluster,
            self._provider,
            self._request,
            self._result.owner,
            given=self._surroundings,
            inspect_all=self._inspect_all,
        )
        self._answer.conditions += [found.record] if found.record is not None else []
        self._answer.cleared += [] if found.record is not None else [RENDERED_FOR_CLUSTER]
        return found.taken

    async def _prepare(self, deployment: ModelDeployment, features: list[str]) -> RenderContext | None:
        """What rendering may depend on; None while the model's image is not built."""
        found = await prepare(
            self._provider, deployment, self._request, given=self._surroundings, features=features
        )
        self._answer.wanted_model_image = found.model_image
        self._answer.model_image_replaced = found.is_replaced
        if found.serving_image is not None:
            self._answer.image = found.serving_image.status
            self._answer.conditions += found.serving_image.conditions
            self._answer.cleared += found.serving_image.cleared
        if found.failure is not None:
            raise StepFailed(found.failure)
        if found.context is not None and self._answer.ignored_fields is not None:
            self._answer.ignored_fields += self._provider.ignored_here(deployment, found.context)
        return found.context

    def _render(self, deployment: ModelDeployment, context: RenderContext) -> list[Object]:
        try:
            return self._provider.render(deployment, context)
        except RenderError as err:
            raise failed("TransformFailed", str(err), ["ResourceCreated"]) from err

    async def _admitted(self, objects: Sequence[Object], context: RenderContext) -> list[Object]:
        """The objects with the images that may run; what was verified is what is deployed."""
        answer, trust = self._answer, self._trust
        admitted = await trust.admit(objects, built_image=context.model_image, image=answer.image)
        answer.pinned_images = trust.pins
        return admitted

    def _report_trust(self) -> None:
        answer, trust = self._answer, self._trust
        reported = trust.conditions(answer.image)
        answer.conditions += reported
        answer.cleared += [] if reported else [IMAGE_VERIFIED]
        if answer.image is not None:
            answer.image = trust.describe(answer.image)

    async def _stages_are_ready(self, deployment: ModelDeployment, context: RenderContext) -> bool:
        stages = self._provider.stages(deployment, context)
        namespace = self._request.ref.namespace
        try:
            result = await judge_stages(self._cluster, self._provider, stages, namespace=namespace)
        except RenderError as err:
            raise failed("TransformFailed", str(err), ["ResourceCreated"]) from err
        self._result.stages = result.writes = await self._admitted_stages(result.writes, context)
        self._answer.planned += result.in_words()
        if result.failure is not None:
            raise StepFailed(result.failure)
        self._answer.conditions += result.conditions
        self._answer.cleared += result.cleared
        self._answer.waiting, self._answer.retry_seconds = result.waiting, result.retry_seconds
        return not result.waiting

    async def _admitted_stages(
        self, writes: Sequence[ObjectCreate | ObjectDelete], context: RenderContext
    ) -> list[ObjectCreate | ObjectDelete]:
        """What stages make runs too, such as the pod that downloads a model."""
        manifests = [entry.manifest for entry in writes if isinstance(entry, ObjectCreate)]
        admitted = iter(await self._admitted(manifests, context) if manifests else ())
        self._report_trust()
        return [
            replace(entry, manifest=next(admitted)) if isinstance(entry, ObjectCreate) else entry
            for entry in writes
        ]

    async def _adopted(self, rendered: list[Object], deployment: ModelDeployment) -> Adoption | None:
        """What of the objects of AI Runway's own controller is left as it serves; None: no take-over."""
        adoption = self._request.adoption
        if adoption is None:
            return None
        if adoption not in (0, self._request.generation):
            self._answer.cleared.append(ADOPTED)  # the spec changed
            return None
        inspection = await self._inspect(rendered, deployment)
        found = adopted(inspection, self._provider, self._request, self._result.owner)
        self._result.left = found.differences
        self._answer.conditions += [left_as_found(found.differences)] if found.differences else []
        self._answer.cleared += [] if found.differences else [ADOPTED]
        return found

    def _kept(
        self, inspection: Inspection, deployment: ModelDeployment, context: RenderContext
    ) -> Inspection:
        """What is left as it serves, since only our own way of rendering it is another one."""
        answer, request = self._answer, self._request
        asked = asked_for(deployment, self._provider, request, context, answer.pinned_images)
        found = kept_as_served(inspection, self._provider, request, asked)
        answer.conditions += [kept_condition(found.differences)] if found.differences else []
        answer.cleared += [] if found.differences else [KEPT_AS_SERVED]
        if found.main_is_kept:
            answer.replica_selector, answer.pod_label = "", ""
            answer.image = self._trust.still_true(request.image) if request.image else answer.image
        return found.inspection

    def _plan_writes(self, inspection: Inspection) -> WritePlan:
        plan = plan_writes(inspection, self._provider, self._request)
        if plan.conflict:
            conditions = ["ResourceCreated", "Ready"]
            raise failed("ResourceConflict", f"{plan.conflict}; {LOOKS_AGAIN}", conditions, elsewhere=True)
        return plan

    async def _with_followers(self, plan: WritePlan, deployment: ModelDeployment) -> WritePlan:
        """What the operator made of the main object, as that will be after its own write."""
        main = plan.writes[0] if plan.writes else None
        self._answer.follows = self._provider.operator_objects is not None and not are_external(deployment)
        if not self._answer.follows or main is None or main.target.live is None:
            return plan
        leads = MainObject(
            live=main.target.live,
            wanted=main.target.desired,
            changing=main.changed if main.method is Method.APPLY else (),
        )
        self._made = await read_made(self._cluster, self._provider, main.target.live)
        found = followers(self._provider, leads, self._made, last=self._request.followed)
        return replace(plan, followers=found)

    async def _inspect(self, rendered: list[Object], deployment: ModelDeployment) -> Inspection:
        # One new object needs no reading: its create shows whether there is one already. Of several, none may
        # be written while another belongs to somebody else.
        request = self._request
        is_known = request.applied or request.adoption is not None or self._inspect_all
        if len(rendered) == 1 and not is_known:
            inspection = unseen(self._provider, request, rendered)
        else:
            inspection = await inspect(self._cluster, self._provider, request, rendered)
        if are_external(deployment):
            return with_live_replicas(inspection, self._provider.replica_fields)
        return inspection

    # -- what there is to say ---------------------------------------------------------------------------

    async def _report(self, plan: WritePlan) -> None:
        answer = self._answer
        answer.replacing = plan.replacing
        if answer.planned or plan.writes or self._request.applied:
            answer.finalizer = missing_finalizer(self._result.owner, self._provider)
        if answer.replacing:
            answer.objects = self._request.applied
        elif not answer.writes and answer.waiting:
            await self._report_applied()
        elif not answer.writes:
            await self._report_kept(plan)

    async def _report_applied(self) -> None:
        """The state of what was applied, while nothing else can be written."""
        request = self._request
        self._answer.objects = request.applied
        found = await read_applied(self._cluster, self._provider, request.ref, request.applied)
        await self._report_status(owned_among(found, request.uid))

    async def _report_kept(self, plan: WritePlan) -> None:
        """The objects as they are, all of them as they should be."""
        live = [write.target.live for write in plan.writes if write.target.live is not None]
        generation = self._request.generation
        self._answer.objects = kept_objects(plan, self._provider, generation=generation)
        manager = self._provider.field_manager
        self._answer.followed = [entry.left(field_manager=manager) for entry in plan.followers]
        await self._report_status(live, self._made)

    async def _report_status(self, live: list[Object], made: Sequence[Object] | None = None) -> None:
        if made is None:
            made = await read_made(self._cluster, self._provider, live[0]) if live else ()
        said, request = status_of(self._provider, live, made), self._request
        self._answer.status = await reported_status(
            self._cluster, self._provider, request.ref, said, seen=request
        )


def kept_objects(plan: WritePlan, provider: Provider, *, generation: int) -> list[AppliedObject]:
    """The objects of a plan that need no write, as they are. `generation`: of the deployment."""
    return [
        applied(write, write.target.live, field_manager=provider.field_manager, generation=generation)
        for write in plan.writes
        if write.method is Method.KEEP and write.target.live is not None
    ]
