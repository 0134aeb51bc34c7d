"""One pass over the upstream objects of a deployment: check, render, apply, read, diagnose.

The order is chosen so that nothing is half done: every object is looked at before the first is written, and
each write carries the version that was read, so that a late attempt of an older pass fails instead of
undoing a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from airunway.activities.upstream.diagnostics import findings_for
from airunway.activities.upstream.failures import StepFailed, failed
from airunway.activities.upstream.image_resolution import ImageStep
from airunway.activities.upstream.ownership import (
    contains,
    digest_of,
    is_as_created,
    is_owned_by,
    is_same_content,
    is_settled,
    owners_of,
    takeover_patch,
    version_of,
)
from airunway.activities.upstream.stages import run_stages
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.model_deployment import ModelDeployment
from airunway.api.model_image import ModelImageSpec
from airunway.api.names import is_paused
from airunway.api.status import UnifiedStatus
from airunway.clients.errors import AlreadyExists, ApiError, Forbidden, Invalid, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, JSON_PATCH, MERGE_PATCH, Cluster, Object
from airunway.messages.deployment import AppliedObject, UpstreamAnswer, UpstreamRequest
from airunway.provider.contract import Provider, RenderContext, RenderError, UpstreamKind
from airunway.provider.images import ImagePolicy

KIND_MISSING_PAUSE = 30  # seconds


@dataclass(frozen=True)
class Target:
    """A rendered object and the live one it stands for, if there is one."""

    kind: UpstreamKind
    desired: Object
    live: Object | None

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.desired["metadata"]["name"])


@dataclass(frozen=True)
class Surroundings:
    """What every pass of a process shares."""

    env: Mapping[str, str]
    images: ImageStep
    serves_inference_pools: Callable[[], Awaitable[bool]]


class UpstreamPass:
    """One pass. Made for one request and thrown away."""

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
        ref = self._request.ref
        if self._request.only_upstream_changed and await self._read_unchanged():
            return self._answer
        obj = self._known or await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
        if obj is None or obj["metadata"]["uid"] != self._request.uid:
            return UpstreamAnswer(gone=True)
        meta = obj["metadata"]
        moved_on = meta.get("deletionTimestamp") or meta["generation"] != self._request.generation
        if moved_on or is_paused(meta):
            return UpstreamAnswer(superseded=True)
        deployment = self._deployment(obj)
        try:
            live = await self._bring_about(obj, deployment) if self._request.apply else await self._look()
        except StepFailed as stop:
            self._answer.failure = stop.failure
            self._answer.objects = self._request.applied
            return self._answer
        if live and not self._answer.replacing:
            self._answer.status = self._status_of(live)
        if self._request.diagnose:
            self._answer.findings = await findings_for(
                self._cluster, ref.namespace, self._provider.pod_selector(deployment)
            )
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

    # -- apply -----------------------------------------------------------------------------------------

    async def _bring_about(self, obj: Object, deployment: ModelDeployment) -> list[Object]:
        """The objects as they are now, main object first; empty when there is nothing to read yet."""
        self._check(deployment)
        context = await self._context(deployment)
        if context is None:
            return await self._look()
        rendered = self._render(deployment, context)
        await self._hold(obj)
        if not await self._stages_are_ready(deployment, context):
            return await self._look()
        # One new object needs no look: its create tells whether there is one already. Of several, none may
        # be written while another belongs to somebody else.
        unseen = len(rendered) == 1 and not self._request.applied
        try:
            return await self._write_all(self._new(rendered) if unseen else await self._look_up(rendered))
        except AlreadyExists:
            self._answer.objects = []
            return await self._write_all(await self._look_up(rendered))

    async def _write_all(self, targets: list[Target]) -> list[Object]:
        self._refuse_foreign(targets)
        if self._is_being_replaced(targets):
            await self._delete_for_replacement(targets)
            return []
        results = [await self._write(target) for target in targets]
        await self._prune(targets)
        return results

    async def _context(self, deployment: ModelDeployment) -> RenderContext | None:
        """What rendering may depend on; None while the model's image is not built."""
        here = self._surroundings
        wish = self._provider.model_image(deployment)
        if wish is not None:
            self._answer.wanted_image = wanted = ModelImageSpec.model_validate(asdict(wish))
            built = self._request.built_image
            if built is None or not built.is_of(wanted):
                return None
            pools = await here.serves_inference_pools()
            return RenderContext(env=here.env, image=built.reference, inference_pools=pools)
        try:
            report = await here.images.report(self._provider, deployment)
            required = here.images.policy is ImagePolicy.REQUIRED
        except RenderError as err:
            raise failed("ImageResolutionFailed", str(err), ["ImageResolved"]) from err
        pools = await here.serves_inference_pools()
        if report is None:
            return RenderContext(env=here.env, inference_pools=pools)
        self._answer.image = report.status
        self._answer.conditions += report.conditions
        self._answer.cleared += report.cleared
        if report.failure and required:
            raise failed("ImageResolutionFailed", report.failure, ["ImageResolved"], final=False)
        return RenderContext(env=here.env, image=report.image, inference_pools=pools)

    async def _stages_are_ready(self, deployment: ModelDeployment, context: RenderContext) -> bool:
        stages = self._provider.stages(deployment, context)
        result = await run_stages(
            self._cluster, self._provider, stages, namespace=self._request.ref.namespace
        )
        self._answer.conditions += result.conditions
        self._answer.cleared += result.cleared
        self._answer.waiting, self._answer.retry_seconds = result.waiting, result.retry_seconds
        return not result.waiting

    def _check(self, deployment: ModelDeployment) -> None:
        problem = self._provider.check(deployment)
        if problem:
            raise failed("IncompatibleConfiguration", problem, ["ProviderCompatible"])
        self._answer.conditions.append(
            Condition(type="ProviderCompatible", status=ConditionStatus.TRUE, reason="CompatibilityVerified")
        )
        self._answer.ignored_fields = self._provider.ignored_fields(deployment)

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

    def _new(self, rendered: list[Object]) -> list[Target]:
        kinds = {(kind.api_version, kind.kind): kind for kind in self._provider.kinds}
        return [Target(kinds[desired["apiVersion"], desired["kind"]], desired, None) for desired in rendered]

    async def _look_up(self, rendered: list[Object]) -> list[Target]:
        targets = self._new(rendered)
        namespace = self._request.ref.namespace
        found = await asyncio.gather(
            *(self._cluster.find(target.kind, target.name, namespace=namespace) for target in targets)
        )
        return [replace(target, live=live) for target, live in zip(targets, found, strict=True)]

    def _refuse_foreign(self, targets: list[Target]) -> None:
        for target in targets:
            live = target.live
            if live is not None and not is_owned_by(live, self._request.uid):
                message = (
                    f"{target.kind.kind} {self._request.ref.namespace}/{target.name} exists and belongs to"
                    f" {owners_of(live)}; delete or rename one of the two"
                )
                raise failed("ResourceConflict", message, ["ResourceCreated", "Ready"])

    def _is_being_replaced(self, targets: list[Target]) -> bool:
        for target in targets:
            if target.live is None:
                continue
            if target.live["metadata"].get("deletionTimestamp"):
                self._answer.replacing = f"{target.kind.kind} {target.name} is being deleted"
                return True
            reason = self._provider.replacement_reason(target.live, target.desired)
            if reason:
                self._answer.replacing = reason
        return bool(self._answer.replacing)

    async def _delete_for_replacement(self, targets: list[Target]) -> None:
        for target in targets:
            live = target.live
            if live is None or live["metadata"].get("deletionTimestamp"):
                continue
            if self._provider.replacement_reason(live, target.desired):
                meta = live["metadata"]
                await self._cluster.delete(
                    target.kind, meta["name"], namespace=meta["namespace"], uid=meta["uid"]
                )
        self._answer.objects = self._request.applied

    async def _write(self, target: Target) -> Object:
        digest = digest_of(target.desired)
        last = self._last(target)
        live = target.live
        if live is not None and last is not None and self._is_unchanged(target, last, digest):
            kept = {"action": "unchanged", "version": version_of(live)}
            self._answer.objects.append(last.model_copy(update=kept))
            return live
        try:
            if live is None:
                result = await self._create(target)
            elif last is None and is_as_created(live, target.desired):
                result = live  # by an attempt whose answer was lost
            else:
                result = await self._change(target, live)
        except NotFound as err:
            raise self._kind_missing(target, err) from err
        except (Invalid, Forbidden) as err:
            raise self._create_failed(target, err) from err
        self._answer.objects.append(_applied(target, result, digest, last))
        return result

    async def _create(self, target: Target) -> Object:
        # Not an apply, which would quietly change an object that was made since it was looked for.
        return await self._cluster.create(
            target.kind,
            target.desired,
            namespace=self._request.ref.namespace,
            field_manager=self._provider.field_manager,
            strict=target.kind.builtin,
        )

    async def _change(self, target: Target, live: Object) -> Object:
        live = await self._take_over(target, live)
        body = {**target.desired, "metadata": dict(target.desired["metadata"])}
        body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        return await self._cluster.apply(
            target.kind, body, field_manager=self._provider.field_manager, strict=target.kind.builtin
        )

    def _is_unchanged(self, target: Target, last: AppliedObject, digest: str) -> bool:
        live = target.live
        assert live is not None
        meta, wanted = live["metadata"], target.desired["metadata"]
        return (
            last.digest == digest
            and (last.version == version_of(live) or is_settled(live, target.desired))
            and contains(meta.get("labels"), wanted.get("labels") or {})
            and contains(meta.get("annotations"), wanted.get("annotations") or {})
        )

    def _last(self, target: Target) -> AppliedObject | None:
        wanted = (target.kind.api_version, target.kind.kind, target.name)
        return next(
            (
                entry
                for entry in self._request.applied
                if (entry.api_version, entry.kind, entry.name) == wanted
            ),
            None,
        )

    async def _take_over(self, target: Target, live: Object) -> Object:
        patch = takeover_patch(live, field_manager=self._provider.field_manager)
        if patch is None:
            return live
        meta = live["metadata"]
        return await self._cluster.patch(
            target.kind, meta["name"], patch, namespace=meta["namespace"], content_type=JSON_PATCH
        )

    async def _prune(self, targets: list[Target]) -> None:
        """Delete what an earlier generation had and this one has not."""
        wanted = {(target.kind.api_version, target.kind.kind, target.name) for target in targets}
        kinds = {(kind.api_version, kind.kind): kind for kind in self._provider.kinds}
        for entry in self._request.applied:
            kind = kinds.get((entry.api_version, entry.kind))
            if kind is None or (entry.api_version, entry.kind, entry.name) in wanted:
                continue
            namespace = self._request.ref.namespace
            live = await self._cluster.find(kind, entry.name, namespace=namespace)
            if live is not None and is_owned_by(live, self._request.uid):
                await self._cluster.delete(kind, entry.name, namespace=namespace, uid=live["metadata"]["uid"])

    def _status_of(self, live: list[Object]) -> UnifiedStatus:
        return self._provider.with_companions(self._provider.read_status(live[0]), live[1:])

    # -- look only ---------------------------------------------------------------------------------------

    async def _look(self) -> list[Object]:
        """The objects as they are, whatever the spec says now; empty without the main one."""
        self._answer.objects = self._request.applied
        kinds = {(kind.api_version, kind.kind): kind for kind in self._provider.kinds}
        known = [
            (kinds[entry.api_version, entry.kind], entry.name)
            for entry in self._request.applied
            if (entry.api_version, entry.kind) in kinds
        ]
        namespace = self._request.ref.namespace
        live = await asyncio.gather(
            *(self._cluster.find(kind, name, namespace=namespace) for kind, name in known)
        )
        if not live or live[0] is None or not is_owned_by(live[0], self._request.uid):
            return []
        return [obj for obj in live if obj is not None and is_owned_by(obj, self._request.uid)]

    async def _read_unchanged(self) -> bool:
        """Read the state alone; false when an object is not as we left it, which takes the whole pass."""
        live = await self._look()
        versions = [version_of(obj) for obj in live if not obj["metadata"].get("deletionTimestamp")]
        if not live or versions != [entry.version for entry in self._request.applied]:
            self._answer = UpstreamAnswer()
            return False
        self._answer.status = self._status_of(live)
        return True

    # -- failures ------------------------------------------------------------------------------------------

    def _kind_missing(self, target: Target, err: ApiError) -> StepFailed:
        group = target.kind.group or "core"
        message = f"the cluster does not serve {target.kind.kind} ({group}/{target.kind.version}): {err}"
        # Nothing is heard of a kind that comes back.
        return failed("CRDMissing", message, ["Ready"], final=False, retry_seconds=KIND_MISSING_PAUSE)

    def _create_failed(self, target: Target, err: ApiError) -> StepFailed:
        message = f"{target.kind.kind} {target.name}: {err}"
        return failed("CreateFailed", message, ["ResourceCreated"])


def _applied(target: Target, result: Object, digest: str, last: AppliedObject | None) -> AppliedObject:
    meta: dict[str, Any] = result["metadata"]
    live = target.live
    if live is None:
        action = "created" if last is None else "recreated"
    elif is_same_content(live, result):
        action = "unchanged"
    else:
        # The same content as last time, and yet something was written: somebody had changed it.
        action = "repaired" if last is not None and last.digest == digest else "configured"
    return AppliedObject(
        api_version=target.kind.api_version,
        kind=target.kind.kind,
        plural=target.kind.plural,
        name=target.name,
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        digest=digest,
        version=version_of(result),
        action=action,
    )
