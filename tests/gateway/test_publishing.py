"""A deployment is published as the contract's worked example has it, and that is true before it is said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CRDS, DEPLOYMENTS, PODS
from airunway.messages.gateway import ApplyGatewayAnswer, ApplyGatewayRequest
from airunway.sandbox.gateway.definitions import POOLS as POOL_DEFINITION
from airunway.sandbox.gateway.definitions import RULES
from tests.gateway.given import among
from tests.gateway.site import EVERYTHING, GATEWAYS, POOLS, ROUTES, SERVICES, GatewaySite, reason


async def test_the_worked_example(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="mistral-7b")

    done = await site.publish(ref)

    assert reason(done) == "HTTPRoutePending"
    assert await site.listener() == among("edge", "team-a")
    await site.accept(ref)
    reading = await site.read(ref)
    assert reason(reading) == "True"
    assert reading.condition is not None
    assert reading.condition.reason == "GatewayConfigured"
    assert reading.status is not None
    assert reading.status.dump() == {
        "endpoint": "10.1.2.3",
        "modelName": "mistral-7b",
        "gatewayNamespace": "edge",
        "url": "http://10.1.2.3",
        "apiFormats": ["openai-chat"],
    }
    assert site.asked == []


async def test_a_settled_deployment_costs_no_write(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)

    async def versions() -> dict[str, Any]:
        live = [
            await site.find(kind, ref) or await site.find(kind, ref, "mistral-epp") for kind in EVERYTHING
        ]
        live.append(await site.cluster.get(GATEWAYS, "inference-gateway", namespace="edge"))
        return {obj["kind"]: obj["metadata"]["resourceVersion"] for obj in live if obj}

    async def look_ten_times() -> None:
        before = await versions()
        for _ in range(10):
            assert reason(await site.publish(ref)) == "True"
        assert len(before) >= len({kind.plural for kind in EVERYTHING})
        assert await versions() == before

    await look_ten_times()
    site.applied.clear()  # a workflow that lost its memory makes itself the owner of each field, once
    await site.publish(ref)
    await look_ten_times()


async def test_twice_and_after_a_crash_is_once(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    request = await site.request(ref)
    asked = ApplyGatewayRequest(read_from=request, planned=(await site.worker.read_gateway(request)).planned)

    site.emulated.faults.fail_next(when=lambda method, path: method == "POST" and "roles" in path)
    with pytest.raises(ApplicationError):
        await site.worker.apply_gateway(asked)
    done = await site.worker.apply_gateway(asked)
    again = await site.worker.apply_gateway(asked)

    assert [obj.kind for obj in done.objects] == [
        "InferencePool",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "Deployment",
        "Service",
        "HTTPRoute",
    ]
    assert not again.superseded
    assert len(await site.left(ref)) == len(EVERYTHING)


async def test_what_somebody_changed_is_put_back(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)

    hostile = {"spec": {"rules": [{"backendRefs": [{"name": "elsewhere", "port": 80}]}]}}
    await site.cluster.patch(ROUTES, ref.name, hostile, namespace=ref.namespace)
    await site.cluster.delete(POOLS, ref.name, namespace=ref.namespace)
    await site.publish(ref)

    route = await site.cluster.get(ROUTES, ref.name, namespace=ref.namespace)
    assert route["spec"]["rules"][0]["backendRefs"][0]["kind"] == "InferencePool"
    assert await site.find(POOLS, ref) is not None


POOL_SPEC = {
    "selector": {"matchLabels": {"a": "b"}},
    "targetPorts": [{"number": 1}],
    "endpointPickerRef": {"name": "x"},
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
A_DEPLOYMENT = {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}
A_POOL = {"apiVersion": POOLS.api_version, "kind": "InferencePool", "spec": POOL_SPEC}
A_ROUTE = {"apiVersion": ROUTES.api_version, "kind": "HTTPRoute", "spec": {"rules": []}}


@pytest.mark.parametrize(
    ("kind", "name", "foreign", "wanted"),
    [
        (ROUTES, "mistral", A_ROUTE, "HTTPRouteFailed"),
        (POOLS, "mistral", A_POOL, "InferencePoolFailed"),
        (APPS_DEPLOYMENTS, "mistral-epp", A_DEPLOYMENT, "EPPFailed"),
        (SERVICES, "mistral-epp", {"spec": {"ports": [{"port": 80}]}}, "EPPFailed"),
    ],
)
async def test_what_belongs_to_somebody_else_is_never_taken(
    site: GatewaySite, kind: Any, name: str, foreign: Any, wanted: str
) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    foreign = {"metadata": {"name": name}, **foreign}
    made = await site.cluster.create(kind, foreign, namespace=ref.namespace)

    said = await site.publish(ref)

    assert reason(said) == wanted
    assert "belongs to no owner" in (said.condition.message if said.condition else "")
    live = await site.cluster.get(kind, name, namespace=ref.namespace)
    assert live["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    await site.remove_as_deleted(ref)
    assert await site.find(kind, ref, name) is not None


async def test_each_missing_link_is_told(site: GatewaySite) -> None:
    await site.gateway(address="")
    ref = await site.deploy(servedName="m")

    await site.publish(ref)
    await site.accept(ref)
    assert reason(await site.read(ref)) == "NoAddress"
    address = {"status": {"addresses": [{"value": "example.com"}]}}
    await site.cluster.patch(GATEWAYS, "inference-gateway", address, namespace="edge", subresource="status")
    assert reason(await site.read(ref)) == "True"
    await site.cluster.delete(PODS, ref.name, namespace=ref.namespace)
    assert reason(await site.read(ref)) == "NoEndpoints"


async def test_without_a_gateway_what_was_made_waits(site: GatewaySite) -> None:
    ref = await site.deploy(servedName="m")
    assert reason(await site.publish(ref)) == "NoGateway"
    assert await site.left(ref) == []

    await site.gateway()
    await site.published(ref)
    await site.cluster.delete(GATEWAYS, "inference-gateway", namespace="edge")

    assert reason(await site.publish(ref)) == "NoGateway"
    assert len(await site.left(ref)) == len(EVERYTHING)


async def test_a_route_that_waits_for_a_gateway_leads_to_its_pool(site: GatewaySite) -> None:
    """With its kind each pool goes; that comes back, and the Gateway not yet."""
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)
    await site.cluster.delete(GATEWAYS, "inference-gateway", namespace="edge")
    await site.cluster.delete(CRDS, POOL_DEFINITION["metadata"]["name"])
    await site.install(POOL_DEFINITION)

    written = await site.publish(ref)

    assert isinstance(written, ApplyGatewayAnswer)
    assert next(str(one.kind) for one in written.objects) == "InferencePool"
    assert reason(written) == "NoGateway"
    assert len(await site.left(ref)) == len(EVERYTHING)
    settled = await site.read(ref)
    assert (reason(settled), settled.planned) == ("NoGateway", [])
    await site.gateway()
    assert reason(await site.published(ref)) == "True"


async def test_without_the_kinds_nothing_is_asked_but_which_there_are(bare: GatewaySite) -> None:
    ref = await bare.deploy()

    reading = await bare.read(ref)

    assert "InferencePool (inference.networking.k8s.io/v1)" in reading.missing_kinds
    assert reading.planned == []
    await bare.install(POOL_DEFINITION)
    assert "InferencePool" not in (await bare.read(ref)).missing_kinds


async def test_with_istio_it_is_told_how_to_speak_to_the_picker(site: GatewaySite) -> None:
    await site.install(RULES)
    await site.gateway()
    ref = await site.deploy(servedName="m")

    await site.published(ref)

    from airunway.clients.kubernetes.kinds import Resource

    rules = Resource("networking.istio.io/v1beta1", "destinationrules")
    rule = await site.cluster.get(rules, "mistral-epp", namespace=ref.namespace)
    assert rule["spec"]["host"] == "mistral-epp.team-a.svc.cluster.local"
    await site.remove_as_deleted(ref)
    assert await site.find(rules, ref, "mistral-epp") is None


async def test_a_deployment_that_moved_on_is_left_alone(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    request = await site.request(ref)
    planned = (await site.worker.read_gateway(request)).planned

    await site.edit(ref, modelName="other")

    assert (await site.worker.read_gateway(request)).superseded
    asked = ApplyGatewayRequest(read_from=request, planned=planned)
    assert (await site.worker.apply_gateway(asked)).superseded
    assert await site.left(ref) == []


async def test_it_is_removed_only_where_its_owner_says_so(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)

    with pytest.raises(Exception, match="is not being deleted"):
        await site.remove(ref)
    await site.edit(ref, enabled=False)
    done = await site.remove(ref)

    assert done.deleted[:2] == ["HTTPRoute mistral", "InferencePool mistral"]
    assert await site.left(ref) == []
    assert await site.listener() == {"from": "Same"}
    assert (await site.remove(ref)).deleted == []


async def test_two_at_once_open_one_gateway(site: GatewaySite) -> None:
    await site.gateway()
    refs = [await site.deploy(f"m{number}", f"team-{number}", servedName=f"m{number}") for number in range(4)]

    async def publish(ref: Any) -> None:
        while True:
            try:
                await site.publish(ref)
                return
            except Exception as err:
                assert "Conflict" in repr(err) or "conflict" in str(err), err

    await asyncio.gather(*map(publish, refs))

    assert await site.listener() == among("edge", "team-0", "team-1", "team-2", "team-3")
    assert await site.cluster.find(DEPLOYMENTS, "m0", namespace="team-0") is not None
