"""Carry out a write plan, one object after the other, in its order.

Each write carries the version that was read and each deletion the uid, so that a late attempt of an older
reconcile fails instead of undoing a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airunway.activities.upstream.failures import StepFailed, failed
from airunway.activities.upstream.inspection import Target
from airunway.activities.upstream.write_plan import Method, PlannedWrite, WritePlan, applied
from airunway.clients.errors import ApiError, Forbidden, Invalid, NotFound
from airunway.clients.kubernetes import JSON_PATCH, Cluster, Object
from airunway.messages.deployment import AppliedObject
from airunway.provider import Provider

KIND_MISSING_RETRY_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the writes of a plan gave, in its order: the live objects, and how each was left."""

    live: list[Object] = field(default_factory=list)
    objects: list[AppliedObject] = field(default_factory=list)


async def carry_out(cluster: Cluster, provider: Provider, plan: WritePlan, *, namespace: str) -> Written:
    """Write, then delete. Raises StepFailed, ApiError; AlreadyExists when an unseen object was there."""
    live = [await _write(cluster, provider, write, namespace) for write in plan.writes]
    for gone in plan.deletes:
        meta = gone.live["metadata"]
        await cluster.delete(gone.kind, meta["name"], namespace=namespace, uid=meta["uid"])
    objects = [applied(write, obj) for write, obj in zip(plan.writes, live, strict=True)]
    return Written(live=live, objects=objects)


async def _write(cluster: Cluster, provider: Provider, write: PlannedWrite, namespace: str) -> Object:
    target = write.target
    try:
        if target.live is None:
            return await cluster.create(
                target.kind,
                target.desired,
                namespace=namespace,
                field_manager=provider.field_manager,
                strict=target.kind.builtin,
            )
        if write.method is Method.KEEP:
            return target.live
        return await _apply(cluster, provider, write, target.live)
    except NotFound as err:
        raise _kind_missing(target, err) from err
    except (Invalid, Forbidden) as err:
        message = f"{target.kind.kind} {target.name}: {err}"
        raise failed("CreateFailed", message, ["ResourceCreated"]) from err


async def _apply(cluster: Cluster, provider: Provider, write: PlannedWrite, live: Object) -> Object:
    target, meta = write.target, live["metadata"]
    if write.takeover is not None:
        live = await cluster.patch(
            target.kind,
            meta["name"],
            write.takeover,
            namespace=meta["namespace"],
            content_type=JSON_PATCH,
        )
    version = live["metadata"]["resourceVersion"]
    body = {**target.desired, "metadata": {**target.desired["metadata"], "resourceVersion": version}}
    return await cluster.apply(
        target.kind, body, field_manager=provider.field_manager, strict=target.kind.builtin
    )


def _kind_missing(target: Target, err: ApiError) -> StepFailed:
    group = target.kind.group or "core"
    message = f"the cluster does not serve {target.kind.kind} ({group}/{target.kind.version}): {err}"
    # No watch reports a kind that comes back.
    return failed("CRDMissing", message, ["Ready"], final=False, retry_seconds=KIND_MISSING_RETRY_SECONDS)
