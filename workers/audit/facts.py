"""What is kept of a deployment's status and of an upstream object, so that both can be compared. Pure.

Small values, made when a watch brings the object: an audit of ten thousand deployments then compares tuples
and reads nothing.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, NamedTuple

from airunway.api import names
from airunway.api.gateway_reasons import GATEWAY_READY
from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.clients.kubernetes import Object
from airunway.messages.deployment_state import IMAGE_BUILDING, MODEL_IMAGE_READY, POLICY_REASONS
from airunway.provider.contract import Provider

STEP_FAILED = "StepFailed"
"""Reason of `ProviderHealthy` while a provider's step cannot be done."""

_DECISIONS = frozenset({"Validated", "EngineSelected", "ProviderSelected", "ProviderCompatible"})
_NAMED_OBJECT = re.compile(r"([A-Z][A-Za-z0-9]*) ([a-z0-9][-a-z0-9.]*)")
_NO_COUNTS = (0, 0, 0)

ObjectName = tuple[str, str]
"""Kind and name, in the deployment's namespace."""


class ObservedUpstream(NamedTuple):
    """An upstream object's state in a deployment's words: what the status must say alike."""

    phase: str
    counts: tuple[int, int | None, int | None]
    """Replicas desired, ready and available; None: the object does not count them."""
    endpoint: tuple[str, int] | None
    roles: tuple[str, ...] = ()
    """As `UnifiedStatus` has them; a status does not say them."""

    @classmethod
    def of(cls, status: UnifiedStatus) -> ObservedUpstream:
        """What a provider read."""
        replicas, endpoint = status.replicas, status.endpoint
        return cls(
            phase=intern(str(status.phase)),
            counts=_counts(replicas) if replicas else _NO_COUNTS,
            endpoint=_endpoint(endpoint.model_dump() if endpoint else {}),
            roles=tuple(map(intern, status.roles)),
        )

    def unified(self) -> UnifiedStatus:
        """As the provider's functions take it."""
        desired, ready, available = self.counts
        service, port = self.endpoint or (None, None)
        return UnifiedStatus(
            phase=Phase(self.phase),
            replicas=ReplicaStatus(desired=desired, ready=ready, available=available),
            endpoint=EndpointStatus(service=service, port=port) if self.endpoint else None,
            roles=self.roles,
        )


class PublishedAs(NamedTuple):
    """How a deployment says that it is published behind a Gateway."""

    reason: str
    """Of `GatewayReady`, `True` where that is; empty: nothing is said."""
    namespace: str
    """Of the Gateway."""
    route: str
    """`spec.gateway.httpRouteRef`; empty: a route of its own."""
    pool: str
    """`spec.gateway.poolRef` as namespace/name; empty: none is named."""
    gateway: str
    """`spec.gateway.gatewayRef` in the same way."""

    @classmethod
    def of(cls, obj: Object, said: Mapping[str, Any]) -> PublishedAs:
        """What a ModelDeployment says. `said`: its condition."""
        given = (obj.get("spec") or {}).get("gateway") or {}
        status = (obj.get("status") or {}).get("gateway") or {}
        own = obj["metadata"].get("namespace")
        named = (given.get("poolRef") or {}, given.get("gatewayRef") or {})
        reason = "True" if said.get("status") == "True" else str(said.get("reason") or "")
        found = (
            reason,
            str(status.get("gatewayNamespace") or ""),
            str(given.get("httpRouteRef") or ""),
            *(f"{one.get('namespace') or own}/{one['name']}" if one.get("name") else "" for one in named),
        )
        return NOT_PUBLISHED if not any(found) else cls(*map(intern, found))


NOT_PUBLISHED = PublishedAs("", "", "", "", "")


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What the status of a deployment says of itself, and what of its object an audit needs."""

    place: tuple[str, str]
    """Namespace and name."""
    observed: int
    """Generation that was decided on; 0: none."""
    phase: str
    provider: str
    model: str
    main: ObjectName | None
    """The provider's main object; None: none was made yet."""
    companions: tuple[ObjectName, ...]
    """Further objects that the status says were made."""
    upstream: ObservedUpstream
    refused: bool
    """Validation or selection said no: what served before goes on serving."""
    is_rollout_failure: bool
    """It failed because its upstream object did: over when that runs."""
    provider_healthy: bool
    """As the status says; also when it says nothing."""
    is_refused_by_policy: bool
    """An administrator's rule for images or models keeps it from being applied."""
    under_way: str
    """What its workflow is in the middle of; empty: nothing, it waits for changes."""
    is_held: bool
    """It carries a finalizer of a provider."""
    is_paused: bool
    are_pods_known: bool
    """Pods that serve it were seen by who wrote the status: having none now is news."""
    has_other_writers: bool
    """Somebody else owns something in the status, besides what the gateway says."""
    published: PublishedAs

    @classmethod
    def of(cls, obj: Object) -> StatusFacts:
        """The facts of a ModelDeployment."""
        meta, status = obj["metadata"], obj.get("status") or {}
        provider = status.get("provider") or {}
        conditions = {entry.get("type"): entry for entry in status.get("conditions") or []}
        health = conditions.get("ProviderHealthy") or {}
        phase = str(status.get("phase") or "")
        kind, name = provider.get("resourceKind"), provider.get("resourceName")
        main = (intern(str(kind)), str(name)) if kind and name else None
        return cls(
            place=(intern(str(meta.get("namespace") or "")), str(meta["name"])),
            observed=int(status.get("observedGeneration") or 0),
            phase=intern(phase),
            provider=intern(str(provider.get("name") or "")),
            model=str((obj.get("spec", {}).get("model") or {}).get("id") or ""),
            main=main,
            companions=tuple(entry for entry in _made(conditions.get("ResourceCreated")) if entry != main),
            upstream=ObservedUpstream(
                intern(phase),
                _said_counts(status.get("replicas") or {}),
                _endpoint(status.get("endpoint") or {}),
            ),
            refused=any(_is_false(conditions.get(kind)) for kind in _DECISIONS),
            is_rollout_failure=(conditions.get("Ready") or {}).get("reason") == "DeploymentFailed",
            provider_healthy=not _is_false(health),
            is_refused_by_policy=any(_is_by_policy(entry) for entry in conditions.values()),
            under_way=_under_way(phase, health, conditions.get(MODEL_IMAGE_READY) or {}),
            is_held=any(map(names.is_provider_finalizer, meta.get("finalizers") or [])),
            is_paused=names.is_paused(meta),
            are_pods_known=status.get("podsObserved") is True,
            has_other_writers=any(_other_writers(meta)),
            published=PublishedAs.of(obj, conditions.get(GATEWAY_READY) or {}),
        )


@dataclass(frozen=True, slots=True)
class UpstreamMark:
    """What is kept of an upstream object. `digest` changes whenever a deployment may have to react."""

    digest: int
    owner: str
    """Uid of the ModelDeployment."""
    object: ObjectName
    is_being_deleted: bool
    edited_by: str
    """Who wrote into its spec after this system did; empty: nobody."""
    readings: tuple[tuple[str, ObservedUpstream], ...] = ()
    """What the providers read whose main object it may be, by provider."""
    packed: bytes = b""
    """The object, for a provider that reads all of its objects together."""


def edited_by(obj: Object) -> str:
    """Who wrote into the spec after this system's last write to it; empty: nobody.

    An edit by hand while no watcher ran is found by it; the repair is a later write, so it is found once.
    An operator that writes into specs looks the same, and costs its deployment a reconcile now and then.
    """
    last, who, ours = "", "", ""
    for entry in obj["metadata"].get("managedFields") or []:
        if entry.get("subresource") or not set(entry.get("fieldsV1") or {}) - {"f:metadata", "f:status"}:
            continue
        at, manager = str(entry.get("time") or ""), str(entry.get("manager"))
        if manager.endswith("-provider") or manager in names.FORMER_FIELD_MANAGERS:
            ours = max(ours, at)
        elif at > last:
            last, who = at, manager
    return who if ours and last > ours else ""


def uses_companions(provider: Provider) -> bool:
    """Whether a provider's status is that of several objects together."""
    return provider.with_companions is not Provider.with_companions


def packed(obj: Object) -> bytes:
    """An object in as little room as it can be read from again."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return zlib.compress(json.dumps({**obj, "metadata": meta}, separators=(",", ":")).encode())


def unpacked(content: bytes) -> Object:
    """The object again."""
    obj: Object = json.loads(zlib.decompress(content))
    return obj


def _counts(replicas: ReplicaStatus) -> tuple[int, int | None, int | None]:
    counts = (replicas.desired or 0, replicas.ready, replicas.available)
    return _NO_COUNTS if counts == _NO_COUNTS else counts


def _said_counts(replicas: Mapping[str, Any]) -> tuple[int, int, int]:
    counts = (replicas.get("desired") or 0, replicas.get("ready") or 0, replicas.get("available") or 0)
    return _NO_COUNTS if counts == _NO_COUNTS else counts


def _endpoint(endpoint: Mapping[str, Any]) -> tuple[str, int] | None:
    return (endpoint.get("service") or "", endpoint.get("port") or 0) if endpoint else None


def _is_false(entry: Mapping[str, Any] | None) -> bool:
    return entry is not None and entry.get("status") == "False"


def _is_by_policy(entry: Mapping[str, Any]) -> bool:
    return _is_false(entry) and entry.get("reason") in POLICY_REASONS


def _made(created: Mapping[str, Any] | None) -> Iterator[ObjectName]:
    """The objects that the condition `ResourceCreated` lists; a message in other words lists none."""
    if created is None or created.get("status") != "True":
        return
    for part in str(created.get("message") or "").split(", "):
        if found := _NAMED_OBJECT.fullmatch(part):
            yield intern(found[1]), found[2]


def _under_way(phase: str, health: Mapping[str, Any], image: Mapping[str, Any]) -> str:
    if _is_false(health) and health.get("reason") == STEP_FAILED:
        return "a step failed and is to be tried again"
    if image.get("status") != "True" and image.get("reason") == IMAGE_BUILDING:
        return "an image is being built"
    return f"phase {phase or 'unknown'}" if phase not in (Phase.RUNNING, Phase.FAILED) else ""


def _other_writers(meta: Object) -> Iterator[str]:
    for entry in meta.get("managedFields") or []:
        if entry.get("subresource") != "status" or entry.get("manager") == names.STATUS_FIELD_MANAGER:
            continue
        if set((entry.get("fieldsV1") or {}).get("f:status") or {"f:?": {}}) - {"f:gateway"}:
            yield str(entry.get("manager"))
