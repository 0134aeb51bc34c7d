"""A status names an address only that a Gateway of the cluster has."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.activities.deployment.gateway_evidence import GatewayEvidence
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.deployment.status_claims import Known
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.api.status import DeploymentStatus
from airunway.clients.kubernetes import DEPLOYMENTS
from tests.gateway.site import GatewaySite

TRUE = {"endpoint": "10.1.2.3", "url": "http://10.1.2.3", "modelName": "m", "gatewayNamespace": "edge"}


async def problem(site: GatewaySite, claimed: dict[str, Any]) -> str:
    ref = await site.deploy()
    obj = await site.cluster.get(DEPLOYMENTS, ref.name, namespace=ref.namespace)
    evidence = GatewayEvidence(site.cluster, ServedGatewayKinds(site.cluster), SnapshotCache())
    status = DeploymentStatus.model_validate({"gateway": claimed})
    return await evidence.problem(status, Known(obj=obj, choosable=[]))


async def test_the_address_of_a_gateway_that_is_there(site: GatewaySite) -> None:
    await site.gateway()

    assert await problem(site, TRUE) == ""


@pytest.mark.parametrize(
    "forged",
    [
        {"endpoint": "evil.example"},
        {"url": "http://evil.example"},
        {"url": "http://10.1.2.3:8080"},
        {"gatewayNamespace": "team-a"},
        {"gatewayNamespace": None},
        {"endpoint": None},
    ],
)
async def test_any_other_is_refused(site: GatewaySite, forged: dict[str, Any]) -> None:
    await site.gateway()

    assert "there is none with that" in await problem(site, {**TRUE, **forged})


async def test_what_was_said_before_needs_no_evidence(site: GatewaySite) -> None:
    ref = await site.deploy()
    obj = await site.cluster.get(DEPLOYMENTS, ref.name, namespace=ref.namespace)
    obj["status"]["gateway"] = TRUE
    evidence = GatewayEvidence(site.cluster, ServedGatewayKinds(site.cluster), SnapshotCache())

    status = DeploymentStatus.model_validate({"gateway": TRUE})
    assert await evidence.problem(status, Known(obj=obj, choosable=[])) == ""
