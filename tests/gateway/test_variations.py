"""Pools, Gateways and routes of others, and changes of what a provider does itself."""

from __future__ import annotations

from typing import Any

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, MERGE_PATCH, PODS
from airunway.gateway.objects import granted_namespaces
from tests.gateway.given import among
from tests.gateway.site import EVERYTHING, GRANTS, POOLS, ROUTES, SERVICES, GatewaySite, reason

MANAGED = {"managesInferencePool": True, "inferencePoolNamePattern": "{name}-pool"}


async def foreign_pool(site: GatewaySite, name: str, namespace: str, app: str = "mistral") -> None:
    await site.namespace(namespace)
    body = {
        "apiVersion": POOLS.api_version,
        "kind": "InferencePool",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": app}},
            "targetPorts": [{"number": 8000}],
            "endpointPickerRef": {"name": "their-epp", "port": {"number": 9002}},
        },
    }
    await site.cluster.create(POOLS, body, namespace=namespace)
    await picker_up(site, namespace)


async def picker_up(site: GatewaySite, namespace: str) -> None:
    """The picker of the pools in a namespace: a Service and a pod that is ready."""
    if await site.cluster.find(SERVICES, "their-epp", namespace=namespace) is None:
        port = {"name": "grpc", "port": 9002}
        service = {"metadata": {"name": "their-epp"}, "spec": {"selector": {"app": "epp"}, "ports": [port]}}
        await site.cluster.create(SERVICES, service, namespace=namespace)
    await site.pod("their-epp", namespace, labels={"app": "epp"})


async def backend(site: GatewaySite, ref: Any) -> tuple[str, str]:
    route = await site.cluster.get(ROUTES, ref.name, namespace=ref.namespace)
    (rule,) = route["spec"]["rules"]
    return rule["backendRefs"][0]["namespace"], rule["backendRefs"][0]["name"]


# -- pools that are made elsewhere ---------------------------------------------------------------------------


async def test_a_providers_pool_is_waited_for_and_nothing_else_is_made(site: GatewaySite) -> None:
    await site.register(gateway=MANAGED)
    await site.gateway()
    ref = await site.deploy(servedName="m")
    assert reason(await site.publish(ref)) == "PoolNotFound"
    assert await site.left(ref) == []

    await foreign_pool(site, "mistral-pool", "team-a")
    assert reason(await site.published(ref)) == "True"
    assert await site.left(ref) == ["httproutes mistral"]
    assert await backend(site, ref) == ("team-a", "mistral-pool")


async def test_a_capability_that_comes_and_goes_leaves_nothing_and_drops_no_route(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)

    await site.register(gateway=MANAGED)
    assert reason(await site.publish(ref)) == "PoolNotFound"
    assert await backend(site, ref) == ("team-a", "mistral"), "what serves goes on"
    await foreign_pool(site, "mistral-pool", "team-a")
    await site.publish(ref)
    assert await site.left(ref) == ["httproutes mistral"]

    await site.register()
    await site.publish(ref)
    assert await backend(site, ref) == ("team-a", "mistral-pool"), "its own picker is not ready yet"
    await site.accept(ref)
    await site.publish(ref)
    assert await backend(site, ref) == ("team-a", "mistral")
    assert len(await site.left(ref)) == len(EVERYTHING)


async def test_a_pool_that_is_gone_is_left_at_once(site: GatewaySite) -> None:
    await site.register(gateway=MANAGED)
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await foreign_pool(site, "mistral-pool", "team-a")
    await site.published(ref)

    await site.register()
    await site.cluster.delete(POOLS, "mistral-pool", namespace="team-a")
    await site.publish(ref)

    assert await backend(site, ref) == ("team-a", "mistral")


async def test_another_namespace_permits_just_those_that_need_it(site: GatewaySite) -> None:
    await site.register(
        gateway={**MANAGED, "inferencePoolNamespace": "dyn-sys", "inferencePoolNamePattern": "p"}
    )
    await site.gateway()
    await foreign_pool(site, "p", "dyn-sys")
    refs = [
        await site.deploy("one", "team-a", servedName="a"),
        await site.deploy("two", "team-b", servedName="b"),
    ]

    for ref in refs:
        await site.publish(ref)
    grant = await site.cluster.get(GRANTS, "p-referencegrant", namespace="dyn-sys")
    assert granted_namespaces(grant) == {"team-a", "team-b"}
    assert grant["metadata"]["ownerReferences"][0]["kind"] == "InferencePool"

    await site.remove_as_deleted(refs[0])
    grant = await site.cluster.get(GRANTS, "p-referencegrant", namespace="dyn-sys")
    assert granted_namespaces(grant) == {"team-b"}
    await site.remove_as_deleted(refs[1])
    assert await site.cluster.find(GRANTS, "p-referencegrant", namespace="dyn-sys") is None


async def test_a_pool_that_a_deployment_names(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(gateway={"poolRef": {"name": "theirs", "namespace": "other"}}, servedName="m")
    assert reason(await site.publish(ref)) == "PoolNotFound"

    await foreign_pool(site, "theirs", "other")
    assert reason(await site.publish(ref)) == "PoolNotAllowed"
    assert await site.left(ref) == []
    assert await site.cluster.find(GRANTS, "theirs-referencegrant", namespace="other") is None

    rule = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "team-a"}
    pool = {"group": "inference.networking.k8s.io", "kind": "InferencePool"}
    body = {
        "apiVersion": GRANTS.api_version,
        "kind": "ReferenceGrant",
        "metadata": {"name": "theirs"},
        "spec": {"from": [rule], "to": [pool]},
    }
    await site.cluster.create(GRANTS, body, namespace="other")
    await site.pod("p", "other", labels={"app": "mistral"})
    reading = await site.published(ref)
    assert reason(reading) == "True"
    assert reading.recheck_seconds, "no watch follows pods and picker of somebody else"
    assert await site.left(ref) == ["httproutes mistral"]

    await site.cluster.delete(PODS, "their-epp", namespace="other")
    assert reason(await site.read(ref)) == "EndpointPickerNotReady"
    await picker_up(site, "other")
    assert reason(await site.read(ref)) == "True"


async def test_a_picker_of_the_providers_choice(site: GatewaySite) -> None:
    await site.register(gateway={"endpointPicker": {"image": "scheduler:1", "configData": "plugins: []\n"}})
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.publish(ref)

    async def container() -> Any:
        live = await site.cluster.get(APPS_DEPLOYMENTS, "mistral-epp", namespace="team-a")
        return live["spec"]["template"]["spec"]["containers"][0]["image"]

    assert await container() == "scheduler:1"
    await site.register()
    await site.publish(ref)
    assert (await container()).startswith("registry.k8s.io/gateway-api-inference-extension/epp:")


# -- Gateways and routes that are named ----------------------------------------------------------------------


async def test_a_gateway_that_a_deployment_names_is_never_opened_for_it(site: GatewaySite) -> None:
    await site.gateway()
    await site.gateway("theirs", "other")
    wanted = {"gatewayRef": {"name": "theirs", "namespace": "other"}}
    ref = await site.deploy(gateway=wanted, servedName="m")

    assert reason(await site.publish(ref)) == "GatewayNotAllowed"
    assert await site.listener("theirs", "other") == {"from": "Same"}
    assert await site.left(ref) == []


async def test_moving_to_another_gateway_closes_the_one_before(site: GatewaySite) -> None:
    await site.gateway()
    await site.gateway("own", "team-a")
    labelled = {"metadata": {"labels": {"airunway.ai/inference-gateway": "true"}}}
    from tests.gateway.site import GATEWAYS

    await site.cluster.patch(GATEWAYS, "inference-gateway", labelled, namespace="edge")
    ref = await site.deploy(servedName="m")
    await site.published(ref)
    assert await site.listener() == among("edge", "team-a")

    await site.edit(ref, gatewayRef={"name": "own"})
    await site.publish(ref)
    await site.accept(ref)

    assert reason(await site.read(ref)) == "True"
    assert await site.listener() == {"from": "Same"}
    route = await site.cluster.get(ROUTES, ref.name, namespace="team-a")
    assert [parent["name"] for parent in route["spec"]["parentRefs"]] == ["own"]


async def test_the_namespace_stays_open_for_the_other_one(site: GatewaySite) -> None:
    await site.gateway()
    refs = [await site.deploy(name, servedName=name) for name in ("one", "two")]
    for ref in refs:
        await site.published(ref)

    await site.remove_as_deleted(refs[0])
    await site.cluster.patch(
        DEPLOYMENTS, "one", {"metadata": {"finalizers": None}}, namespace="team-a", content_type=MERGE_PATCH
    )
    assert await site.listener() == among("edge", "team-a")
    await site.remove_as_deleted(refs[1])
    assert await site.listener() == {"from": "Same"}


async def test_listeners_stay_closed_where_the_settings_say_so(site: GatewaySite) -> None:
    site.worker = site.another(opens=False)
    await site.gateway()
    ref = await site.deploy(servedName="m")

    await site.publish(ref)

    assert await site.listener() == {"from": "Same"}
    assert await site.find(ROUTES, ref) is not None


async def test_a_route_of_the_users_own(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)

    await site.edit(ref, httpRouteRef="mine")
    assert reason(await site.publish(ref)) == "HTTPRouteNotFound"
    assert await site.find(ROUTES, ref) is not None, "what serves goes on until there is another"
    header = {"name": "X-Gateway-Model-Name", "value": "their-name"}
    spec = {
        "parentRefs": [{"name": "inference-gateway", "namespace": "edge"}],
        "rules": [{"matches": [{"headers": [header]}]}],
    }
    body = {
        "apiVersion": ROUTES.api_version,
        "kind": "HTTPRoute",
        "metadata": {"name": "mine"},
        "spec": spec,
    }
    await site.cluster.create(ROUTES, body, namespace="team-a")
    await site.publish(ref)
    await site.accept(ref, name="mine")
    reading = await site.read(ref)
    assert reason(reading) == "True"
    assert reading.status is not None
    assert reading.status.model_name == "their-name"
    assert await site.find(ROUTES, ref) is None
    await site.remove_as_deleted(ref)
    assert await site.find(ROUTES, ref, "mine") is not None
