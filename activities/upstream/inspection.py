"""Inspect the live objects of a deployment before anything is written. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from airunway.activities.upstream.ownership import is_owned_by
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.deployment import AppliedObject, RefusedChange
from airunway.messages.refs import DeploymentRef
from airunway.provider import UpstreamKind
from airunway.provider.model_access import NETWORK_POLICY

Identity = tuple[str, str, str]
"""API group, kind and name, which tell a deployment's objects apart: they share its namespace.

Not the version: an object is the same one in each in which its kind is served.
"""


class ObjectMaker(Protocol):
    """Whose objects are looked at and written: a provider's, or those of the gateway."""

    @property
    def kinds(self) -> Sequence[UpstreamKind]:
        """All that it makes."""

    @property
    def field_manager(self) -> str:
        """Of its server-side applies."""

    @property
    def replacement_reason(self) -> Callable[[Mapping[str, Any], Mapping[str, Any]], str | None]:
        """(live, desired): why the live object must be made again; None or empty: it need not."""


class AppliedBefore(Protocol):
    """What a request says of what is there."""

    @property
    def ref(self) -> DeploymentRef:
        """The deployment."""

    @property
    def uid(self) -> str:
        """Its uid."""

    @property
    def applied(self) -> Sequence[AppliedObject]:
        """Its objects as they were left."""

    @property
    def refused(self) -> RefusedChange | None:
        """What the API server said of a change in place; None: it refused none."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A rendered object and what stands in its place."""

    kind: UpstreamKind
    desired: Object
    live: Object | None = None
    last: AppliedObject | None = None
    """How an earlier generation, or an earlier attempt, left it."""
    told_by: Object | None = None
    """What its digest is of, if not of the desired object: that has parts which follow the live one."""
    asked: str = ""
    """Digest of what somebody asked for; see `kept`."""
    keeps: str = ""
    """The digest that it keeps, as it would be rendered otherwise though nobody asked for that."""
    kept: Sequence[str] = ()
    """Paths of what is left as it serves."""
    is_left: bool = False
    """It stays as it is, though it is not as desired; see `adoption`."""

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.desired["metadata"]["name"])


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Everything that deciding about the writes needs.

    `stale`: objects that an earlier generation had and this one has not, and that are still there.
    """

    targets: Sequence[Target]
    stale: Sequence[tuple[UpstreamKind, Object]] = ()


def unseen(provider: ObjectMaker, request: AppliedBefore, rendered: Sequence[Object]) -> Inspection:
    """The rendered objects as if none was there, without reading: a create shows when one is."""
    kinds = _kinds(provider)
    last = {identity(entry): entry for entry in request.applied}
    return Inspection(
        targets=[
            Target(
                kind=kinds[desired["apiVersion"], desired["kind"]],
                desired=desired,
                last=last.get(
                    identity_of(desired["apiVersion"], desired["kind"], desired["metadata"]["name"])
                ),
            )
            for desired in rendered
        ]
    )


async def inspect(
    cluster: Cluster, provider: ObjectMaker, request: AppliedBefore, rendered: Sequence[Object]
) -> Inspection:
    """Read every rendered object, and every one that is not rendered any more. Raises ApiError."""
    targets = unseen(provider, request, rendered).targets
    wanted = {identity_of(target.kind.api_version, target.kind.kind, target.name) for target in targets}
    kinds = _kinds(provider)
    stale = [
        (kinds[entry.api_version, entry.kind], entry.name)
        for entry in request.applied
        if (entry.api_version, entry.kind) in kinds and identity(entry) not in wanted
    ]
    named = [(target.kind, target.name) for target in targets]
    live = await _find(cluster, request.ref, [*named, *stale])
    return Inspection(
        targets=[replace(target, live=obj) for target, obj in zip(targets, live, strict=False)],
        stale=[
            (kind, obj) for (kind, _), obj in zip(stale, live[len(targets) :], strict=True) if obj is not None
        ],
    )


async def read_applied(
    cluster: Cluster, provider: ObjectMaker, ref: DeploymentRef, applied: Sequence[AppliedObject]
) -> list[Object | None]:
    """The objects of the last apply as they are, in its order; None where there is none. Raises ApiError."""
    kinds = _kinds(provider)
    known = [(kinds.get((entry.api_version, entry.kind)), entry.name) for entry in applied]
    found = iter(await _find(cluster, ref, [(kind, name) for kind, name in known if kind is not None]))
    return [next(found) if kind is not None else None for kind, _ in known]


def owned_among(live: Sequence[Object | None], uid: str) -> list[Object]:
    """Those that the deployment owns; none without the main one, which comes first."""
    if not live or live[0] is None or not is_owned_by(live[0], uid):
        return []
    return [obj for obj in live if obj is not None and is_owned_by(obj, uid)]


def identity(entry: AppliedObject) -> Identity:
    """What tells an applied object apart from the deployment's other ones."""
    return identity_of(entry.api_version, entry.kind, entry.name)


def identity_of(api_version: str, kind: str, name: str) -> Identity:
    """The same for an object that is known by these."""
    return api_version.rpartition("/")[0], kind, name


def _kinds(provider: ObjectMaker) -> Mapping[tuple[str, str], UpstreamKind]:
    # Policies of before access was opened are not of the provider's kinds any more, and have to go.
    kinds = (*provider.kinds, NETWORK_POLICY)
    return {(version.api_version, version.kind): version for kind in kinds for version in kind.versions}


async def _find(
    cluster: Cluster, ref: DeploymentRef, wanted: Sequence[tuple[UpstreamKind, str]]
) -> list[Object | None]:
    namespace = ref.namespace
    return list(
        await asyncio.gather(*(cluster.find(kind, name, namespace=namespace) for kind, name in wanted))
    )
