"""What a tenant may edit beside a shared Gateway takes nobody's model name and reaches no other namespace."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.gateway.activities import GatewayActivities
from airunway.activities.gateway.facts import GatewayFactsReader, GatewayOptions
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.clients.kubernetes.kinds import path_of
from airunway.gateway.naming import LABEL_MODEL_NAME, MODEL_HEADER
from airunway.messages.refs import DeploymentRef
from tests.gateway.site import GRANTS, POOLS, ROUTES, GatewaySite, reason
from tests.gateway.test_variations import MANAGED, backend, foreign_pool

KIND = {"apiVersion": ROUTES.api_version, "kind": "HTTPRoute"}


async def is_attached(site: GatewaySite, ref: DeploymentRef) -> bool:
    route = await site.cluster.get(ROUTES, ref.name, namespace=ref.namespace)
    return bool(route["spec"].get("parentRefs"))


async def forged_route(
    site: GatewaySite, like: DeploymentRef, name: str, namespace: str, owner: dict[str, Any]
) -> None:
    """One that says it is a deployment's, and has the name of another's."""
    live = await site.cluster.get(ROUTES, like.name, namespace=like.namespace)
    reference = {"apiVersion": "airunway.ai/v1alpha1", "kind": "ModelDeployment", "controller": True, **owner}
    meta = {"name": name, "ownerReferences": [reference], "labels": live["metadata"]["labels"]}
    await site.namespace(namespace)
    body = {**KIND, "metadata": meta, "spec": live["spec"]}
    await site.cluster.create(ROUTES, body, namespace=namespace)


@pytest.mark.parametrize("name", ["gone", "mine", "victim"])
async def test_a_forged_route_takes_no_name_and_holds_none_back(site: GatewaySite, name: str) -> None:
    await site.gateway()
    mine = await site.deploy("mine", "evil", servedName="else")
    model = await site.deploy("model", "team-b", servedName="m")
    await site.publish(model)
    uid = (await site.request(mine)).uid
    await forged_route(site, model, name, "evil", {"name": name, "uid": uid})  # else it is collected
    await site.remove_as_deleted(model)

    victim = await site.deploy("victim", "team-a", servedName="m")

    said = await site.published(victim)
    if name == "mine":  # owned as it is, it may want the name until its own pass puts it right
        await site.publish(mine)
        said = await site.published(victim)
    assert reason(said) == "True"
    assert await is_attached(site, victim)


async def test_an_older_route_that_its_tenant_edits_takes_no_name(site: GatewaySite) -> None:
    await site.gateway()
    old, victim = await site.deploy("old", "evil", servedName="x"), await site.deploy("v", servedName="m")
    await site.published(old)
    await site.published(victim)
    taken = (await site.cluster.get(ROUTES, "v", namespace="team-a"))["metadata"]["labels"][LABEL_MODEL_NAME]
    route = await site.cluster.get(ROUTES, "old", namespace="evil")
    rules = route["spec"]["rules"]
    rules[0]["matches"][0]["headers"][0]["value"] = "m"
    forged = {"metadata": {"labels": {LABEL_MODEL_NAME: taken}}, "spec": {"rules": rules}}
    await site.cluster.patch(ROUTES, "old", forged, namespace="evil")
    await site.edit(old, modelName="m")

    assert reason(await site.published(victim)) == "True"
    assert await is_attached(site, victim)
    assert reason(await site.publish(old)) == "ModelNameConflict"
    route = await site.cluster.get(ROUTES, "old", namespace="evil")
    assert not route["spec"].get("parentRefs"), "under the name that it took by hand it is not served"
    assert MODEL_HEADER in str(route)


async def test_as_many_as_like_may_want_a_name(site: GatewaySite) -> None:
    await site.gateway()
    first = await site.deploy("first", servedName="m")
    await site.publish(first)
    for number in range(12):
        assert reason(await site.publish(await site.deploy(f"n{number}", "evil", servedName="m"))) != "True"

    said = await site.published(first)

    assert reason(said) == "True"
    assert said.condition is not None
    assert said.condition.message.count("evil/") == 5
    assert "and 7 more" in said.condition.message


@pytest.mark.parametrize("name", ["../../victim/inferencepools/theirs", "..", ".", "a/b", "%2e%2e", ""])
def test_a_name_that_leads_elsewhere_is_of_no_object(name: str) -> None:
    with pytest.raises(NotFound):
        path_of(POOLS, namespace="team-a", name=name)
    if name:
        with pytest.raises(NotFound):
            path_of(POOLS, namespace=name, name="a")


async def test_a_pool_of_another_namespace_is_not_reached_by_its_name(site: GatewaySite) -> None:
    await site.gateway()
    await foreign_pool(site, "theirs", "victim")
    name = "../../victim/inferencepools/theirs"
    ref = await site.deploy(gateway={"poolRef": {"name": name}}, servedName="m")

    assert reason(await site.publish(ref)) == "PoolNotFound"
    assert await site.left(ref) == []


async def given(site: GatewaySite) -> DeploymentRef:
    """One that is published by a pool of its provider in another namespace."""
    await site.register(gateway={**MANAGED, "inferencePoolNamespace": "sys", "inferencePoolNamePattern": "p"})
    await site.gateway()
    await foreign_pool(site, "p", "sys")
    ref = await site.deploy("one", "team-a", servedName="a")
    await site.publish(ref)
    assert await site.cluster.find(GRANTS, "p-referencegrant", namespace="sys") is not None
    return ref


async def test_a_permission_goes_though_the_worker_died_when_the_route_was_gone(site: GatewaySite) -> None:
    ref = await given(site)
    await site.cluster.delete(ROUTES, ref.name, namespace=ref.namespace)

    await site.remove_as_deleted(ref)

    assert await site.cluster.find(GRANTS, "p-referencegrant", namespace="sys") is None


async def test_a_route_made_by_hand_keeps_no_permission(site: GatewaySite) -> None:
    ref = await given(site)
    route = await site.cluster.get(ROUTES, ref.name, namespace=ref.namespace)
    body = {**KIND, "metadata": {"name": "by-hand"}, "spec": route["spec"]}
    await site.cluster.create(ROUTES, body, namespace=ref.namespace)

    await site.remove_as_deleted(ref)

    assert await site.cluster.find(GRANTS, "p-referencegrant", namespace="sys") is None


async def test_a_permission_goes_when_the_pool_is_made_here_again(site: GatewaySite) -> None:
    ref = await given(site)
    await site.register()
    await site.publish(ref)
    await site.accept(ref)

    await site.publish(ref)

    assert await backend(site, ref) == ("team-a", "one")
    assert await site.cluster.find(GRANTS, "p-referencegrant", namespace="sys") is None


async def test_a_permission_stays_for_a_route_that_a_deployment_names(site: GatewaySite) -> None:
    ref = await given(site)
    route = await site.cluster.get(ROUTES, ref.name, namespace=ref.namespace)
    body = {**KIND, "metadata": {"name": "by-hand"}, "spec": route["spec"]}
    await site.cluster.create(ROUTES, body, namespace=ref.namespace)
    await site.deploy("two", "team-a", gateway={"httpRouteRef": "by-hand"})

    await site.remove_as_deleted(ref)

    assert await site.cluster.find(GRANTS, "p-referencegrant", namespace="sys") is not None
    assert await site.cluster.find(DEPLOYMENTS, "two", namespace="team-a") is not None


async def test_servers_that_do_not_answer_hold_up_nobody_elses(site: GatewaySite) -> None:
    await site.gateway()
    silent = [await site.deploy(f"n{number}", "evil") for number in range(20)]
    mine = await site.deploy("mine", "team-a")
    asked, forever = asyncio.Event(), asyncio.Event()

    async def ask(_: str, namespace: str, __: int) -> str:
        if namespace == "team-a":
            return "said"
        asked.set()
        await forever.wait()
        return ""

    reader = GatewayFactsReader(site.cluster, GatewayOptions(), ask=ask)
    worker = GatewayActivities(
        site.cluster,
        kinds=ServedGatewayKinds(site.cluster),
        options=GatewayOptions(),
        cache=SnapshotCache(),
        reader=reader,
    )
    waiting = [asyncio.create_task(worker.read_gateway(await site.request(ref))) for ref in silent]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)  # more than may be asked at a time
    await asked.wait()

    reading = await worker.read_gateway(await site.request(mine))

    assert reading.probed is not None
    assert reading.probed.name == "said"
    forever.set()
    await asyncio.gather(*waiting)
