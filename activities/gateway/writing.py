"""Write what publishes a deployment, and take it back. Safe to repeat.

Objects go the way of all others (`activities.upstream.writes`). A Gateway is somebody else's: only what its
listeners admit is patched, on the version that was read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.activities.gateway.facts import GatewayFactsReader, GatewayOptions
from airunway.activities.gateway.leaving import listeners_to_close, own_places
from airunway.activities.gateway.permissions import leads_abroad, revoke_unneeded
from airunway.activities.gateway.reading import GatewayRendering, failed_reason
from airunway.activities.upstream.failures import StepFailed
from airunway.activities.upstream.ownership import is_owned_by
from airunway.activities.upstream.tenant_account import tenant_writes
from airunway.activities.upstream.writes import ChangeRefused, Writer
from airunway.api.conditions import condition
from airunway.api.gateway_reasons import GATEWAY_READY, GRANT_FAILED, PATCH_FAILED
from airunway.clients.errors import ApiError, NotFound
from airunway.clients.kubernetes import JSON_PATCH, Cluster, Object
from airunway.gateway.kinds import GATEWAY, REFERENCE_GRANT, ServedKinds
from airunway.gateway.listeners import ListenerChange
from airunway.gateway.naming import FIELD_MANAGER
from airunway.messages.gateway import (
    ApplyGatewayAnswer,
    ApplyGatewayRequest,
    RemoveGatewayAnswer,
    RemoveGatewayRequest,
)
from airunway.messages.upstream import PlannedWrite, WriteAction


async def carry_out(
    cluster: Cluster, request: ApplyGatewayRequest, found: GatewayRendering, *, options: GatewayOptions
) -> ApplyGatewayAnswer:
    """Do what was asked, if it is still what is to be done. Raises ApiError where trying again can help."""
    if not set(map(_key, found.planned)) <= set(map(_key, request.planned)):
        return ApplyGatewayAnswer(superseded=True)
    answer = ApplyGatewayAnswer()
    if not found.planned:  # an attempt whose answer was lost did it, or it is blocked by now
        answer.objects, live = found.objects(), found.live()
        answer.condition, answer.status = found.condition(live), found.status(live)
        return answer
    namespace = request.ref.namespace
    writes = tenant_writes(cluster, namespace, impersonate=options.impersonate)
    generation = request.read_from.generation
    writer = Writer(writes, found.maker, namespace=namespace, generation=generation)
    try:
        await _permit(cluster, found, answer)
        await writer.carry_out([], found.writes)
        if leads_abroad(found.facts.own_route or {}) and not found.plan.keeps_route:
            served = found.facts.served
            answer.changed += await revoke_unneeded(cluster, request.ref, served, leaves=False)
        await _close(cluster, found.facts.served, found.closings, namespace, answer.changed)
    except _Refused as err:
        answer.condition = condition(GATEWAY_READY, "False", err.reason, str(err))
        answer.refused = True
    except (StepFailed, ChangeRefused) as stop:
        position = min(len(writer.done.objects), len(found.writes.writes) - 1)
        kind = found.writes.writes[position].target.kind.kind
        answer.condition = condition(GATEWAY_READY, "False", failed_reason(kind), str(stop))
        answer.refused = True
    answer.objects, answer.deleted = writer.done.objects, writer.done.deleted
    if answer.condition is None:
        live = writer.done.live
        answer.condition, answer.status = found.condition(live), found.status(live)
    return answer


def _key(entry: PlannedWrite) -> tuple[bool, str, str]:
    """What tells one write from another; what an attempt before created is only applied by this one."""
    return entry.action is WriteAction.DELETE, entry.kind, entry.name


class _Refused(Exception):
    """A write that is not the deployment's own was refused."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def _permit(cluster: Cluster, found: GatewayRendering, answer: ApplyGatewayAnswer) -> None:
    """What others have to allow: a Gateway the routes, a namespace the use of its pool."""
    served, namespace = found.facts.served, found.request.ref.namespace
    if found.plan.listeners.patch and found.facts.choice.gateway is not None:
        await _patch_gateway(cluster, served, found.facts.choice.gateway, found.plan.listeners)
        place = "/".join(found.facts.choice.place)
        answer.changed.append(f"Gateway {place} opened for routes of namespace {namespace}")
    if found.plan.grant is not None:
        meta = found.plan.grant["metadata"]
        try:
            await cluster.apply(served[REFERENCE_GRANT], found.plan.grant, field_manager=FIELD_MANAGER)
        except ApiError as err:
            if err.retryable:
                raise
            words = f"ReferenceGrant {meta['namespace']}/{meta['name']}: {err}"
            raise _Refused(GRANT_FAILED, words) from err
        answer.changed.append(f"ReferenceGrant {meta['namespace']}/{meta['name']} for {namespace}")


async def _patch_gateway(
    cluster: Cluster, served: ServedKinds, gateway: Mapping[str, Any], change: ListenerChange
) -> None:
    meta = gateway["metadata"]
    # Not a "test", which the API server answers as it does a body that it cannot read.
    seen = {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
    try:
        await cluster.patch(
            served[GATEWAY],
            meta["name"],
            [seen, *change.patch],
            namespace=meta["namespace"],
            content_type=JSON_PATCH,
            field_manager=FIELD_MANAGER,
        )
    except ApiError as err:
        if err.retryable:
            raise
        place = f"{meta['namespace']}/{meta['name']}"
        raise _Refused(PATCH_FAILED, f"listeners of Gateway {place} cannot be changed: {err}") from err


async def _close(
    cluster: Cluster,
    served: ServedKinds,
    closings: Sequence[tuple[Object, ListenerChange]],
    namespace: str,
    changed: list[str],
) -> None:
    for gateway, change in closings:
        await _patch_gateway(cluster, served, gateway, change)
        meta = gateway["metadata"]
        changed.append(f"Gateway {meta['namespace']}/{meta['name']} closed for routes of {namespace}")


# -- taking it back -----------------------------------------------------------------------------------------


async def take_back(
    cluster: Cluster,
    request: RemoveGatewayRequest,
    *,
    served: ServedKinds,
    reader: GatewayFactsReader,
    options: GatewayOptions,
) -> RemoveGatewayAnswer:
    """Delete what the deployment owns, by every name that there can be, and close what it had opened.

    Raises ApiError where trying again can help.
    """
    answer, ref = RemoveGatewayAnswer(), request.ref
    writes = tenant_writes(cluster, ref.namespace, impersonate=options.impersonate)
    for kind, name in own_places(ref.name, served, request.applied):
        live = await cluster.find(kind, name, namespace=ref.namespace)
        if live is None or not is_owned_by(live, request.uid) or live["metadata"].get("deletionTimestamp"):
            continue
        with contextlib.suppress(NotFound):
            await writes.cluster.delete(kind, name, namespace=ref.namespace, uid=live["metadata"]["uid"])
            answer.deleted.append(f"{kind.kind} {name}")
    answer.changed += await revoke_unneeded(cluster, ref, served, leaves=True)
    gateways = await reader.gateways(served) if GATEWAY in served.kinds and options.opens else []
    owner = {"metadata": {"namespace": ref.namespace, "name": ref.name}}
    closings = await listeners_to_close(cluster, gateways, owner, besides=None)
    with contextlib.suppress(_Refused):  # said where somebody is published; here nobody reads it
        await _close(cluster, served, closings, ref.namespace, answer.changed)
    return answer
