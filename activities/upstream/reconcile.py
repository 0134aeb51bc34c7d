"""Reconcile the upstream objects of a deployment: inspect, plan the writes, apply, read.

The order is chosen so that nothing is half done: every object is read before the first is written, and
each write carries the version that was read, so that a late attempt of an older reconcile fails instead of
undoing a newer one.
"""

from __future__ import annotations

from airunway.activities.upstream.diagnostics import findings_for
from airunway.activities.upstream.failures import StepFailed, failed
from airunway.activities.upstream.inspection import Inspection, inspect, read_applied, unseen
from airunway.activities.upstream.ownership import version_of
from airunway.activities.upstream.render_context import Surroundings, prepare
from airunway.activities.upstream.stages import run_stages
from airunway.activities.upstream.write_plan import plan_writes
from airunway.activities.upstream.writes import carry_out
from airunway.api.conditions import condition
from airunway.api.model_deployment import ModelDeployment
from airunway.api.names import is_paused
from airunway.api.status import UnifiedStatus
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import DEPLOYMENTS, MERGE_PATCH, Cluster, Object
from airunway.messages.deployment import UpstreamAnswer, UpstreamRequest
from airunway.provider import Provider, RenderContext, RenderError


class UpstreamReconcile:
    """One reconcile. Made for one request and thrown away; collects what there is to say on the way."""

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        request: UpstreamRequest,
        *,
        surroundings: Surroundings,
        known: Object | None = None,
    ) -> None:
        self._cluster = cluster
        self._provider = provider
        self._request = request
        self._surroundings = surroundings
        self._known = known
        self._answer = UpstreamAnswer()

    async def run(self) -> UpstreamAnswer:
        """Do it. Raises ClientError where trying again can help."""
        request, ref = self._request, self._request.ref
        if request.only_upstream_changed:
            unchanged = await self._read_unchanged()
            if unchanged is not None:
                return unchanged
        obj = self._known or await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
        if obj is None or obj["metadata"]["uid"] != request.uid:
            return UpstreamAnswer(gone=True)
        if _moved_on(obj, request):
            return UpstreamAnswer(superseded=True)
        deployment = self._deployment(obj)
        try:
            live = await (self._ensure(obj, deployment) if request.apply else self._read_applied())
        except StepFailed as stop:
            self._answer.failure = stop.failure
            self._answer.objects = request.applied
            return self._answer
        if live and not self._answer.replacing:
            self._answer.status = self._status_of(live)
        if request.diagnose:
            selector = self._provider.pod_selector(deployment)
            self._answer.findings = await findings_for(self._cluster, ref.namespace, selector)
        return self._answer

    def _deployment(self, obj: Object) -> ModelDeployment:
        # The choice may not be in the status yet: it is written after the objects, in one write with them.
        status = obj.setdefault("status", {})
        status["provider"] = {**(status.get("provider") or {}), "name": self._provider.name}
        if self._request.engine:
            status["engine"] = {**(status.get("engine") or {}), "type": self._request.engine}
        if self._request.image is not None:
            status["image"] = self._request.image.dump()
        return ModelDeployment.model_validate(obj)

    # -- ensure -----------------------------------------------------------------------------------------

    async def _ensure(self, obj: Object, deployment: ModelDeployment) -> list[Object]:
        """The objects as they are now, main object first; empty when there is nothing to read yet."""
        self._check(deployment)
        context = await self._prepare(deployment)
        if context is None:
            return await self._read_applied()
        rendered = self._render(deployment, context)
        await self._hold(obj)
        if not await self._stages_are_ready(deployment, context):
            return await self._read_applied()
        # One new object needs no reading: its create shows whether there is one already. Of several, none may
        # be written while another belongs to somebody else.
        if len(rendered) == 1 and not self._request.applied:
            inspection = unseen(self._provider, self._request, rendered)
        else:
            inspection = await inspect(self._cluster, self._provider, self._request, rendered)
        try:
            return await self._write(inspection)
        except AlreadyExists:
            seen = await inspect(self._cluster, self._provider, self._request, rendered)
            return await self._write(seen)

    def _check(self, deployment: ModelDeployment) -> None:
        problem = self._provider.check(deployment)
        if problem:
            raise failed("IncompatibleConfiguration", problem, ["ProviderCompatible"])
        self._answer.conditions.append(condition("ProviderCompatible", "True", "CompatibilityVerified"))
        self._answer.ignored_fields = self._provider.ignored_fields(deployment)

    async def _prepare(self, deployment: ModelDeployment) -> RenderContext | None:
        """What rendering may depend on; None while the model's image is not built."""
        built = self._request.built_model_image
        found = await prepare(self._provider, deployment, built, given=self._surroundings)
        self._answer.wanted_model_image = found.model_image
        if found.serving_image is not None:
            self._answer.image = found.serving_image.status
            self._answer.conditions += found.serving_image.conditions
            self._answer.cleared += found.serving_image.cleared
        if found.failure is not None:
            raise StepFailed(found.failure)
        return found.context

    def _render(self, deployment: ModelDeployment, context: RenderContext) -> list[Object]:
        try:
            return self._provider.render(deployment, context)
        except RenderError as err:
            raise failed("TransformFailed", str(err), ["ResourceCreated"]) from err

    async def _hold(self, obj: Object) -> None:
        """Put the finalizer on before anything exists that it must wait for."""
        meta = obj["metadata"]
        held = meta.get("finalizers") or []
        if self._provider.finalizer in held:
            return
        body = {
            "metadata": {
                "finalizers": [*held, self._provider.finalizer],
                "resourceVersion": meta["resourceVersion"],
            }
        }
        await self._cluster.patch(
            DEPLOYMENTS, meta["name"], body, namespace=meta["namespace"], content_type=MERGE_PATCH
        )

    async def _stages_are_ready(self, deployment: ModelDeployment, context: RenderContext) -> bool:
        stages = self._provider.stages(deployment, context)
        namespace = self._request.ref.namespace
        result = await run_stages(self._cluster, self._provider, stages, namespace=namespace)
        self._answer.conditions += result.conditions
        self._answer.cleared += result.cleared
        self._answer.waiting, self._answer.retry_seconds = result.waiting, result.retry_seconds
        return not result.waiting

    async def _write(self, inspection: Inspection) -> list[Object]:
        plan = plan_writes(inspection, self._provider, self._request)
        if plan.conflict:
            raise failed("ResourceConflict", plan.conflict, ["ResourceCreated", "Ready"])
        namespace = self._request.ref.namespace
        written = await carry_out(self._cluster, self._provider, plan, namespace=namespace)
        self._answer.replacing = plan.replacing
        self._answer.objects = self._request.applied if plan.replacing else written.objects
        return written.live

    # -- read -------------------------------------------------------------------------------------------

    async def _read_applied(self) -> list[Object]:
        self._answer.objects = self._request.applied
        return await read_applied(self._cluster, self._provider, self._request)

    async def _read_unchanged(self) -> UpstreamAnswer | None:
        """The state alone; None when an object is not as we left it, which takes the whole reconcile."""
        live = await read_applied(self._cluster, self._provider, self._request)
        versions = [version_of(obj) for obj in live if not obj["metadata"].get("deletionTimestamp")]
        if not live or versions != [entry.version for entry in self._request.applied]:
            return None
        return UpstreamAnswer(objects=self._request.applied, status=self._status_of(live))

    def _status_of(self, live: list[Object]) -> UnifiedStatus:
        return self._provider.with_companions(self._provider.read_status(live[0]), live[1:])


def _moved_on(obj: Object, request: UpstreamRequest) -> bool:
    """Whether the deployment is no longer what the request was decided on."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp") or meta["generation"] != request.generation:
        return True
    return is_paused(meta)
