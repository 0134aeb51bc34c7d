"""The Lease that leaders are elected by, as `workers.leader` reads and writes it.

Apart, so that the election can be tested against a Lease in memory, on a clock that is set by hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from airunway.clients.kubernetes import LEASES, Cluster, Object

RENEWED_AFTER = "airunway.ai/renewed-after"
"""Annotation: seconds from the begin of the term to the begin of its latest renewal, by the holder's own
steady clock. `renewTime` is written for people: it is a wall clock's, which may be wrong, or be set."""


@dataclass(frozen=True)
class Claim:
    """What a holder writes. Two equal claims: nothing was renewed between them."""

    holder: str
    """Empty: nobody's."""
    lasts: timedelta
    """How long it stays its holder's without a renewal; whole seconds."""
    acquired: str
    """When the term began, RFC 3339: what tells two terms of one holder apart, and nothing more."""
    renewed_after: float | None
    """See RENEWED_AFTER; None in a Lease that another kind of program holds."""
    transitions: int = 0
    """How often the holder has changed."""


@dataclass(frozen=True)
class Lease:
    """A Lease as it was read or written."""

    claim: Claim
    version: str
    """resourceVersion: the precondition of the next write."""


class LeaseStore(Protocol):
    """One Lease. Every method raises ApiError; a lost answer may mean that a write was done all the same."""

    async def read(self) -> Lease | None:
        """The Lease, or None when there is none."""

    async def create(self, claim: Claim) -> Lease:
        """Make it. Raises AlreadyExists."""

    async def write(self, claim: Claim, *, version: str) -> Lease:
        """Write it over `version`. Raises Conflict when it changed since, NotFound when it is gone."""


class ClusterLease:
    """A Lease of a cluster."""

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        self._cluster = cluster
        self._name = name
        self._namespace = namespace

    def __str__(self) -> str:
        return f"{self._namespace}/{self._name}"

    async def read(self) -> Lease | None:
        """The Lease, or None when there is none."""
        live = await self._cluster.find(LEASES, self._name, namespace=self._namespace)
        return None if live is None else _lease_from(live)

    async def create(self, claim: Claim) -> Lease:
        """Make it. Raises AlreadyExists."""
        body = {"apiVersion": LEASES.api_version, "kind": "Lease", **_body_of(claim)}
        body["metadata"]["name"] = self._name
        return _lease_from(await self._cluster.create(LEASES, body, namespace=self._namespace))

    async def write(self, claim: Claim, *, version: str) -> Lease:
        """Write it over `version`. Raises Conflict when it changed since, NotFound when it is gone."""
        body = _body_of(claim)
        body["metadata"]["resourceVersion"] = version
        return _lease_from(await self._cluster.patch(LEASES, self._name, body, namespace=self._namespace))


def wall_clock() -> str:
    """The time for people, as Leases write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _body_of(claim: Claim) -> Object:
    renewed = None if claim.renewed_after is None else f"{claim.renewed_after:.3f}"
    spec: Object = {
        "holderIdentity": claim.holder,
        "leaseDurationSeconds": max(1, math.ceil(claim.lasts.total_seconds())),
        "acquireTime": claim.acquired or None,
        "renewTime": wall_clock(),
        "leaseTransitions": claim.transitions,
    }
    return {"metadata": {"annotations": {RENEWED_AFTER: renewed}}, "spec": spec}


def _lease_from(live: Object) -> Lease:
    spec = live.get("spec") or {}
    renewed = (live["metadata"].get("annotations") or {}).get(RENEWED_AFTER)
    claim = Claim(
        holder=spec.get("holderIdentity") or "",
        lasts=timedelta(seconds=spec.get("leaseDurationSeconds") or 0),
        # Without our annotation its `renewTime` is all that tells two renewals apart.
        acquired=(spec.get("acquireTime") or "") if renewed else f"{spec.get('renewTime')}",
        renewed_after=_seconds(renewed),
        transitions=spec.get("leaseTransitions") or 0,
    )
    return Lease(claim, live["metadata"]["resourceVersion"])


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
