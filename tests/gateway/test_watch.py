"""Whom a change of the gateway's objects concerns is signalled, and nobody else; kinds come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CRDS, DEPLOYMENTS
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.gateway.definitions import POOLS as POOL_DEFINITION
from airunway.workers.audit.facts import StatusFacts
from airunway.workers.audit.fleet import BEFORE_WE_CAME, Fleet, KnownDeployment
from airunway.workers.gateway_contents import route_content
from airunway.workers.gateway_watch import GatewayWatch
from airunway.workers.marks import DeploymentMark
from tests.gateway.site import CONFIG_MAPS, GATEWAYS, PICKER, POOLS, ROUTES, GatewaySite
from tests.gateway.test_variations import foreign_pool


class Told:
    """Which deployments were signalled, and why."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, ref: DeploymentRef, cause: str) -> None:
        self.all.append((ref.name, cause))
        self._changed.set()

    async def until(self, name: str, words: str) -> None:
        async with asyncio.timeout(30):
            while not any(name == ref and words in cause for ref, cause in self.all):
                self._changed.clear()
                await self._changed.wait()

    def take(self) -> set[str]:
        """The deployments since the last time."""
        found = {name for name, _ in self.all}
        self.all.clear()
        return found


async def fleet_of(site: GatewaySite) -> Fleet:
    """What the watcher knows of the deployments now."""
    fleet = Fleet(providers=frozenset())
    fleet.are_deployments_listed = asyncio.Event()
    await refresh(fleet, site)
    fleet.are_deployments_listed.set()
    return fleet


async def refresh(fleet: Fleet, site: GatewaySite) -> None:
    for obj in (await site.cluster.listing(DEPLOYMENTS)).items:
        meta = obj["metadata"]
        ref = DeploymentRef(cluster="here", namespace=meta["namespace"], name=meta["name"])
        known = KnownDeployment(DeploymentMark.of(obj), StatusFacts.of(obj), BEFORE_WE_CAME)
        fleet.deployments[ref] = known


async def says(site: GatewaySite, ref: DeploymentRef, reason: str, *, namespace: str = "edge") -> None:
    """What the status of a deployment says of the gateway."""
    is_true = reason == "True"
    entry = {
        "type": "GatewayReady",
        "status": "True" if is_true else "False",
        "reason": "GatewayConfigured" if is_true else reason,
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"conditions": [entry], "gateway": {"gatewayNamespace": namespace, "modelName": ref.name}}
    await site.cluster.patch(
        DEPLOYMENTS, ref.name, {"status": status}, namespace=ref.namespace, subresource="status"
    )


@asynccontextmanager
async def watching(site: GatewaySite, fleet: Fleet) -> AsyncIterator[Told]:
    told = Told()
    watch = GatewayWatch(site.cluster, fleet, told, cluster_name="here", poll_seconds=0.05)
    task = asyncio.create_task(watch.run())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_kinds_that_come_and_go_are_told(bare: GatewaySite) -> None:
    ref = await bare.deploy()
    fleet = await fleet_of(bare)
    async with watching(bare, fleet) as told:
        await bare.install()
        await told.until(ref.name, "serves Gateway API")
        await says(bare, ref, "True")
        await refresh(fleet, bare)
        await bare.cluster.delete(CRDS, POOL_DEFINITION["metadata"]["name"])
        await told.until(ref.name, "serves no Gateway API")
        await says(bare, ref, "CRDsNotAvailable")
        await refresh(fleet, bare)
        told.take()
        await bare.install(POOL_DEFINITION)
        await told.until(ref.name, "serves Gateway API")


async def test_a_change_tells_only_those_whom_it_concerns(site: GatewaySite) -> None:
    await site.gateway(labels={"airunway.ai/inference-gateway": "true"})
    await site.gateway("other", "elsewhere")
    refs = [await site.deploy(name, servedName=name) for name in ("one", "two", "probe")]
    for ref in refs:
        await site.publish(ref)
        await site.accept(ref)
        await says(site, ref, "True")
    async with watching(site, await fleet_of(site)) as told:
        touched = {"metadata": {"labels": {"airunway.ai/gateway-model": "y"}}}
        while not told.all:  # until its first lists are there
            touched["metadata"]["labels"]["airunway.ai/gateway-model"] += "y"
            await site.cluster.patch(ROUTES, "probe", touched, namespace="team-a")
            await asyncio.sleep(0.05)
        told.take()

        async def change(kind: Any, name: str, namespace: str, body: Any, subresource: str = "") -> None:
            await site.cluster.patch(kind, name, body, namespace=namespace, subresource=subresource)

        await change(ROUTES, "one", "team-a", {"spec": {"hostnames": ["x"]}})
        await told.until("one", "HTTPRoute one changed")
        await change(POOLS, "one", "team-a", {"spec": {"targetPorts": [{"number": 9}]}})
        await told.until("one", "InferencePool one changed")
        await change(APPS_DEPLOYMENTS, "one-epp", "team-a", {"status": {"availableReplicas": 0}}, "status")
        await told.until("one", "Deployment one-epp changed")
        assert told.take() <= {"one", "probe"}

        counted = {"status": {"listeners": [{"name": "http", "attachedRoutes": 9}]}}
        await change(GATEWAYS, "inference-gateway", "edge", counted, "status")
        elsewhere = {"status": {"addresses": [{"value": "10.0.0.9"}]}}
        await change(GATEWAYS, "other", "elsewhere", elsewhere, "status")
        moved = {"status": {"addresses": [{"value": "10.0.0.8"}]}}
        await change(GATEWAYS, "inference-gateway", "edge", moved, "status")
        await told.until("one", "Gateway edge/inference-gateway changed")
        await told.until("two", "Gateway edge/inference-gateway changed")
        assert [cause for name, cause in told.all if name == "two"] == [
            "Gateway edge/inference-gateway changed"
        ], "counts of routes, and a Gateway of others, are nobody's concern"


async def test_a_part_of_the_picker_that_is_deleted_or_changed_is_told(site: GatewaySite) -> None:
    await site.gateway()
    refs = [await site.deploy(name, servedName=name) for name in ("one", "probe")]
    for ref in refs:
        await site.publish(ref)
        await says(site, ref, "True")
    async with watching(site, await fleet_of(site)) as told:
        await probed(site, told, "probe")
        told.take()
        body = {"data": {"default-plugins.yaml": "another"}}
        await site.cluster.patch(CONFIG_MAPS, "one-epp", body, namespace="team-a")
        await told.until("one", "ConfigMap one-epp changed")
        for kind in PICKER:
            await site.cluster.delete(kind, "one-epp", namespace="team-a")
        for kind in ("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Deployment", "Service"):
            await told.until("one", f"{kind} one-epp was deleted")


async def test_who_waits_for_a_name_is_told_when_it_is_free(site: GatewaySite) -> None:
    await site.gateway()
    first, second = await site.deploy("a", servedName="m"), await site.deploy("b", servedName="m")
    await site.publish(first)
    await site.publish(second)
    await says(site, first, "True")
    await says(site, second, "ModelNameConflict")
    async with watching(site, await fleet_of(site)) as told:
        await told.until("b", "serves Gateway API")
        told.take()
        await asyncio.sleep(0)
        while True:  # its first lists may not be there yet
            await site.cluster.patch(
                ROUTES, "a", {"spec": {"hostnames": [f"h{len(told.all)}"]}}, namespace="team-a"
            )
            try:
                async with asyncio.timeout(1):
                    await told.until("b", "who wants its model name changed")
                break
            except TimeoutError:
                continue


@pytest.mark.parametrize("reason", ["GatewayDisabled"])
async def test_who_is_switched_off_hears_nothing(site: GatewaySite, reason: str) -> None:
    ref, other = await site.deploy("off"), await site.deploy("on")
    await says(site, ref, reason)
    await says(site, other, "NoGateway")
    async with watching(site, await fleet_of(site)) as told:
        await told.until("on", "serves Gateway API")
        await site.gateway()
        await told.until("on", "Gateway")

        assert "off" not in told.take()


async def probed(site: GatewaySite, told: Told, name: str) -> None:
    """Wait until everything that was done before has been handed on, by changes that are always told."""
    for number in range(1000):
        value = {"metadata": {"labels": {"probe": f"x{number}"}}}
        await site.cluster.patch(ROUTES, name, value, namespace="team-a")
        await asyncio.sleep(0.02)
        if any(ref == name for ref, _ in told.all):
            return


async def test_whom_a_gateway_admits_by_labels_concerns_nobody_while_routes_are_counted(
    site: GatewaySite,
) -> None:
    by_label = {"from": "Selector", "selector": {"matchLabels": {"models": "yes"}}}
    await site.gateway(admits=by_label)
    await site.namespace("team-a", models="yes")
    refs = [await site.deploy(name, servedName=name) for name in ("one", "probe")]
    for ref in refs:
        await site.publish(ref)
        await says(site, ref, "True")
    async with watching(site, await fleet_of(site)) as told:
        await probed(site, told, "probe")
        told.take()
        for count in range(3):
            counted = {"status": {"listeners": [{"name": "http", "attachedRoutes": count}]}}
            await site.cluster.patch(
                GATEWAYS, "inference-gateway", counted, namespace="edge", subresource="status"
            )
        moved = {"status": {"addresses": [{"value": "10.0.0.8"}]}}
        await site.cluster.patch(GATEWAYS, "inference-gateway", moved, namespace="edge", subresource="status")
        await told.until("one", "Gateway edge/inference-gateway changed")
        assert [cause for name, cause in told.all if name == "one"] == [
            "Gateway edge/inference-gateway changed"
        ]


@pytest.mark.parametrize("owner", ["nobody", "one", "../team-b/one"])
async def test_a_route_that_only_says_whose_it_is_signals_nobody(site: GatewaySite, owner: str) -> None:
    await site.gateway()
    refs = [await site.deploy(name, servedName=name) for name in ("one", "probe")]
    for ref in refs:
        await site.publish(ref)
        await says(site, ref, "True")
    live = await site.cluster.get(ROUTES, "one", namespace="team-a")
    reference = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "name": owner,
        "uid": (await site.request(refs[1])).uid,
        "controller": True,
    }
    meta = {"name": "forged", "ownerReferences": [reference], "labels": live["metadata"]["labels"]}
    async with watching(site, await fleet_of(site)) as told:
        await probed(site, told, "probe")
        told.take()
        body = {"apiVersion": ROUTES.api_version, "kind": "HTTPRoute", "metadata": meta, "spec": live["spec"]}
        await site.cluster.create(ROUTES, body, namespace="team-a")
        for host in ("a", "b"):
            await site.cluster.patch(ROUTES, "forged", {"spec": {"hostnames": [host]}}, namespace="team-a")
        told.take()
        await probed(site, told, "probe")
        assert told.take() == {"probe"}


async def test_a_pool_concerns_whoever_names_it_and_nobody_who_names_another(site: GatewaySite) -> None:
    await site.gateway()
    pools = {"one": {"name": "p"}, "two": {"name": "p", "namespace": "other"}, "none": None}
    for name, pool in pools.items():
        ref = await site.deploy(name, gateway={"poolRef": pool} if pool else {})
        await says(site, ref, "PoolNotFound" if pool else "True")
    probe = await site.deploy("probe", servedName="probe")
    await site.publish(probe)
    await says(site, probe, "True")
    async with watching(site, await fleet_of(site)) as told:
        await probed(site, told, "probe")
        told.take()
        await foreign_pool(site, "p", "other")
        await told.until("two", "InferencePool p changed")
        assert told.take() <= {"two", "probe"}
        await foreign_pool(site, "p", "team-a")
        await told.until("one", "InferencePool p changed")
        assert told.take() <= {"one", "probe"}


def test_the_same_verdict_on_a_route_as_it_is_now_is_a_change() -> None:
    def said_of(generation: int) -> Any:
        good = {"type": "Accepted", "status": "True", "observedGeneration": generation}
        parent = {"parentRef": {"name": "gw"}, "conditions": [good]}
        return {"metadata": {"name": "one"}, "spec": {}, "status": {"parents": [parent]}}

    assert route_content(said_of(1)) == route_content(said_of(1))
    assert route_content(said_of(1)) != route_content(said_of(2)), "else nobody looks again"
