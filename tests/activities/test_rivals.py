"""Controllers of AI Runway's own that still run: which signs of life are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airunway.activities.upstream.rivals import MAX_AHEAD, foreign_heartbeat, rivals_of
from airunway.api import names
from airunway.clients.kubernetes import LEASES, NAMESPACES
from tests.activities.deployment_site import DeploymentSite


async def lease(place: DeploymentSite, **spec: Any) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.SYSTEM_NAMESPACE}}
    await place.cluster.apply(NAMESPACES, namespace, field_manager="test")
    body = {
        "apiVersion": LEASES.api_version,
        "kind": "Lease",
        "metadata": {"name": names.FORMER_CORE_LEASE, "namespace": names.SYSTEM_NAMESPACE},
        "spec": spec,
    }
    await place.cluster.apply(LEASES, body, field_manager="controller")


def after(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def test_a_lease_that_is_renewed_is_a_sign_of_life(place: DeploymentSite) -> None:
    await lease(place, holderIdentity="core\x1b[2J-0", renewTime=after(), leaseDurationSeconds=15)

    (rival,) = await rivals_of(place.cluster, "acme")

    assert "core\N{REPLACEMENT CHARACTER}[2J-0 holds its Lease" in rival.words
    assert rival.alive_until <= datetime.now(UTC) + timedelta(seconds=30)


@pytest.mark.parametrize("renewed", ["9999-12-31T23:59:59.000000Z", ""], ids=["for ever", "half an hour"])
async def test_a_lease_of_a_time_to_come_stops_no_repair(place: DeploymentSite, renewed: str) -> None:
    renewed = renewed or after(minutes=30)
    await lease(place, holderIdentity="core-0", renewTime=renewed, leaseDurationSeconds=3600)

    assert await rivals_of(place.cluster, "acme") == []


async def test_a_clock_that_is_a_little_ahead_is_believed(place: DeploymentSite) -> None:
    ahead = (MAX_AHEAD / 2).total_seconds()
    await lease(place, holderIdentity="core-0", renewTime=after(seconds=ahead), leaseDurationSeconds=15)

    assert len(await rivals_of(place.cluster, "acme")) == 1


@pytest.mark.parametrize(("time", "is_alive"), [("9999-12-31T23:59:59Z", False), ("", True)], ids=str)
def test_so_are_heartbeats(time: str, is_alive: bool) -> None:
    beat = {"manager": "provider", "subresource": "status", "time": time or after()}

    found = foreign_heartbeat({"metadata": {"managedFields": [beat]}})

    assert (found is not None) is is_alive
