"""Write what publishes a deployment, and take it back. Safe to repeat.

Objects go the way of all others (`activities.upstream.writes`). A Gateway is somebody else's: only what its
listeners admit is patched, on the version that was read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airunway.activities.deployment.finalizers import webhook_refusal
from airunway.activities.gateway.facts import GatewayFactsReader, GatewayOptions
from airunway.activities.gateway.leaving import listeners_to_close, own_places
from airunway.activities.gateway.permissions import revoke, unneeded_grants
from airunway.activities.gateway.reading import GatewayRendering, failed_reason
from airunway.activities.upstream.failures import StepFailed
from airunway.activities.upstream.ownership import is_owned_by
from airunway.activities.upstream.tenant_account import tenant_writes
from airunway.activities.upstream.writes import ChangeRefused, Writer
from airunway.api.conditions import condition
from airunway.api.gateway_reasons import GATEWAY_READY, GRANT_FAILED, PATCH_FAILED, RULE_FAILED
from airunway.clients.errors import ApiError, NotFound
from airunway.clients.kubernetes import JSON_PATCH, Cluster, Object
from airunway.gateway.kinds import DESTINATION_RULE, GATEWAY, REFERENCE_GRANT, ServedKinds
from airunway.gateway.listeners import ListenerChange
from airunway.gateway.naming import FIELD_MANAGER
from airunway.messages.gateway import (
    ApplyGatewayAnswer,
    ApplyGatewayRequest,
    RemoveGatewayAnswer,
    RemoveGatewayRequest,
)
from airunway.messages.upstream import PlannedWrite, WriteAction
from airunway.provider import UpstreamKind


async def carry_out(
    cluster: Cluster,
    request: ApplyGatewayRequest,
    found: GatewayRendering,
    *,
    options: GatewayOptions,
    is_first: bool = False,
) -> ApplyGatewayAnswer:
    """Do what was asked, if it is still what is to be done. Raises ApiError where trying again can help.

    `is_first`: no attempt was made before.
    """
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
    writer = Writer(writes, found.maker, namespace=namespace, generation=generation, is_first=is_first)
    try:
        await _permit(cluster, found, answer)
        await writer.carry_out([], found.writes)
        answer.changed += await revoke(cluster, found.revocations, namespace, found.facts.served)
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


class WebhookRefused(ApiError):
    """A webhook lets an object not be deleted, with what to do; whoever asks looks again."""

    retryable = False


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
    if (grant := found.plan.grant) is not None:
        with _abroad(grant, GRANT_FAILED, namespace, answer):
            await cluster.apply(served[REFERENCE_GRANT], grant, field_manager=FIELD_MANAGER)
    if (rule := found.plan.pools_rule) is not None:
        with _abroad(rule, RULE_FAILED, namespace, answer):
            await cluster.apply(served[DESTINATION_RULE], rule, field_manager=FIELD_MANAGER)


@contextlib.contextmanager
def _abroad(obj: Object, reason: str, namespace: str, answer: ApplyGatewayAnswer) -> Iterator[None]:
    """Tell what was written in another namespace. Raises _Refused, ApiError."""
    words = f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"
    try:
        yield
    except ApiError as err:
        if err.retryable:
            raise
        raise _Refused(reason, f"{words}: {err}") from err
    answer.changed.append(f"{words} for {namespace}")


async def _patch_gateway(
    cluster: Cluster,
    served: ServedKinds,
    gateway: Mapping[str, Any],
    change: ListenerChange,
    *,
    is_leaving: bool = False,
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
        if err.retryable or is_leaving:
            raise
        place = f"{meta['namespace']}/{meta['name']}"
        raise _Refused(PATCH_FAILED, f"listeners of Gateway {place} cannot be changed: {err}") from err


async def _close(
    cluster: Cluster,
    served: ServedKinds,
    closings: Sequence[tuple[Object, ListenerChange]],
    namespace: str,
    changed: list[str],
    *,
    is_leaving: bool = False,
) -> None:
    for gateway, change in closings:
        try:
            await _patch_gateway(cluster, served, gateway, change, is_leaving=is_leaving)
        except NotFound:
            continue  # it went meanwhile
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

    What fails holds up nothing else. Raises ApiError at the end, one where trying again can help if any is.
    """
    answer, ref, failures = RemoveGatewayAnswer(), request.ref, list[ApiError]()

    @contextlib.contextmanager
    def afterwards() -> Iterator[None]:
        try:
            yield
        except ApiError as err:
            failures.append(err)

    for kind, name in own_places(ref.name, served, request.applied):
        with afterwards():
            await _delete_own(cluster, request, kind, name, answer, impersonate=options.impersonate)
    with afterwards():
        grants = await unneeded_grants(cluster, ref, served, keeps=None)
        answer.changed += await revoke(cluster, grants, ref.namespace, served)
    with afterwards():
        gateways = await reader.gateways(served) if GATEWAY in served.kinds and options.opens else []
        owner = {"metadata": {"namespace": ref.namespace, "name": ref.name}}
        for closing in await listeners_to_close(cluster, gateways, owner, besides=None):
            with afterwards():
                await _close(cluster, served, [closing], ref.namespace, answer.changed, is_leaving=True)
    if failures:
        raise min(failures, key=lambda err: not err.retryable)
    return answer


async def _delete_own(
    cluster: Cluster,
    request: RemoveGatewayRequest,
    kind: UpstreamKind,
    name: str,
    answer: RemoveGatewayAnswer,
    *,
    impersonate: str,
) -> None:
    namespace = request.ref.namespace
    live = await cluster.find(kind, name, namespace=namespace)
    if live is None or not is_owned_by(live, request.uid) or live["metadata"].get("deletionTimestamp"):
        return
    writes = tenant_writes(cluster, namespace, impersonate=impersonate)
    try:
        await writes.cluster.delete(kind, name, namespace=namespace, uid=live["metadata"]["uid"])
    except NotFound:
        return
    except ApiError as err:
        refusal = webhook_refusal(err)
        if not refusal:
            raise
        raise WebhookRefused(f"{kind.kind} {name}: {refusal}", status=err.status, reason=err.reason) from err
    answer.deleted.append(f"{kind.kind} {name}")
