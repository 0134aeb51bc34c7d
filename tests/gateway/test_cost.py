"""What many deployments of one model name, or many Gateways, cost: so much for each, not for each pair."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from airunway.api.names import DEPLOYMENT_KIND
from airunway.clients.kubernetes import Cluster
from airunway.clients.reflector import ObjectChange
from airunway.gateway.naming import LABEL_CHOSEN, LABEL_MODEL_NAME
from airunway.messages.refs import DeploymentRef
from airunway.workers.audit.facts import StatusFacts
from airunway.workers.audit.fleet import BEFORE_WE_CAME, Fleet, KnownDeployment
from airunway.workers.gateway_watch import GatewayWatch
from airunway.workers.marks import DeploymentMark
from tests.gateway.site import GatewaySite

MANY = 1000
GATEWAYS = 50
WAITS, SERVES = "ModelNameConflict", "GatewayConfigured"


class Crowd:
    """Deployments that a watcher knows, and the signals that they get."""

    def __init__(self) -> None:
        self.fleet = Fleet(providers=frozenset())
        self.told: Counter[str] = Counter()
        self.watch = GatewayWatch(cast(Cluster, None), self.fleet, self._tell, cluster_name="here")

    def _tell(self, ref: DeploymentRef, cause: str) -> None:
        self.told[ref.name] += 1

    def take(self) -> Counter[str]:
        found, self.told = self.told, Counter()
        return found

    def deployment(self, name: str, reason: str, **gateway: Any) -> None:
        said = {"type": "GatewayReady", "status": str(reason == SERVES), "reason": reason, "message": ""}
        meta = {"name": name, "namespace": "team", "uid": f"uid-{name}", "resourceVersion": "1"}
        status = {"phase": "Running", "conditions": [said], "gateway": {"gatewayNamespace": "edge"}}
        obj = {"metadata": {**meta, "generation": 1}, "spec": {"gateway": gateway}, "status": status}
        ref = DeploymentRef(cluster="here", namespace="team", name=name)
        self.fleet.deployments[ref] = KnownDeployment(
            DeploymentMark.of(obj), StatusFacts.of(obj), BEFORE_WE_CAME
        )

    def route(self, number: int, change: str = "set", *, attached: bool = False) -> None:
        name = f"m{number}"
        owner = {"kind": DEPLOYMENT_KIND, "name": name, "uid": f"uid-{name}", "controller": True}
        meta = {
            "name": name,
            "namespace": "team",
            "uid": f"route-{name}",
            "creationTimestamp": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            "labels": {LABEL_MODEL_NAME: "one"},
            "ownerReferences": [owner],
        }
        spec = {"parentRefs": [{"name": "gw", "namespace": "edge"}] if attached else [], "rules": []}
        self.watch._on_route(ObjectChange(change, {"metadata": meta, "spec": spec}), False)

    def gateway(self, number: int, *, address: str = "10.0.0.1", chosen: bool = False) -> None:
        labels = {"labels": {LABEL_CHOSEN: "true"}} if chosen else {}
        meta = {"name": f"gw{number}", "namespace": "edge", "uid": f"gw-{number}", **labels}
        listener = {"name": "http", "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
        spec = {"listeners": [listener]}
        obj = {"metadata": meta, "spec": spec, "status": {"addresses": [{"value": address}]}}
        self.watch._on_gateway(ObjectChange("set", obj), False)


async def test_a_thousand_of_one_name_tell_a_few_each_however_they_come_and_go() -> None:
    crowd = Crowd()
    for number in range(MANY):
        crowd.deployment(f"m{number}", WAITS if number else SERVES)
        crowd.route(number, attached=not number)
        await asyncio.sleep(0)
    assert crowd.take() == {"m0": MANY - 1}, "who serves says how many wait"

    crowd.route(0, "deleted")
    assert crowd.take() == {"m0": 1, "m1": 1}, "its own, and whose turn it is"
    crowd.deployment("m1", SERVES)
    crowd.route(1, attached=True)
    assert crowd.take() == {"m1": 1, "m2": 1}
    crowd.watch._tell_waiting("one")
    assert len(crowd.take()) == MANY - 2, "all who wait hear once who serves it now"

    for number in range(1, MANY):
        crowd.route(number, "deleted")
        await asyncio.sleep(0)
    assert crowd.take().total() <= 2 * MANY


async def test_only_whom_a_gateway_concerns_hears_of_it_among_fifty() -> None:
    crowd = Crowd()
    crowd.gateway(0, chosen=True)
    for number in range(GATEWAYS):
        gateway = {"gatewayRef": {"name": f"gw{number}", "namespace": "edge"}} if number else {}
        crowd.deployment(f"m{number}", SERVES, **gateway)
    crowd.take()

    for number in range(1, GATEWAYS):
        crowd.gateway(number)
    assert crowd.take() == {f"m{number}": 1 for number in range(1, GATEWAYS)}, "that it is there now"
    for number in range(GATEWAYS):
        crowd.gateway(number, address="10.0.0.2", chosen=not number)
    assert crowd.take() == {f"m{number}": 1 for number in range(GATEWAYS)}
    crowd.gateway(0, address="10.0.0.2")
    assert crowd.take() == {"m0": 1}, "the one that was chosen is chosen no more"


async def test_a_pool_of_a_provider_concerns_whom_it_is_made_for() -> None:
    crowd = Crowd()
    engine = {"gateway": {"managesInferencePool": True, "inferencePoolNamePattern": "{name}-pool"}}
    config = {"spec": {"capabilities": {"engines": [engine]}}}
    crowd.fleet.config_objects[""] = config
    for number in range(GATEWAYS):
        crowd.deployment(f"m{number}", "PoolNotFound")

    for number in range(GATEWAYS):
        meta = {"name": f"m{number}-pool", "namespace": "team", "uid": f"pool-{number}"}
        crowd.watch._on_pool(ObjectChange("set", {"metadata": meta, "spec": {}}), False)

    assert crowd.take() == {f"m{number}": 1 for number in range(GATEWAYS)}


async def test_a_look_lists_no_more_for_ten_of_a_name_than_for_two(site: GatewaySite) -> None:
    await site.gateway()
    refs = [await site.deploy(f"m{number}", servedName="m") for number in range(2)]
    for ref in refs:
        await site.publish(ref)
    few = await _lists(site, refs[1])

    for number in range(2, 10):
        await site.publish(await site.deploy(f"m{number}", servedName="m"))

    assert await _lists(site, refs[1]) == few


async def _lists(site: GatewaySite, ref: DeploymentRef) -> list[str]:
    """What one look asks the API server for."""
    asked: list[str] = []
    for name in ("listing", "find", "get"):
        setattr(site.cluster, name, _noting(getattr(site.cluster, name), asked, name))
    try:
        await site.read(ref)
    finally:
        for name in ("listing", "find", "get"):
            delattr(site.cluster, name)
    return asked


def _noting(call: Callable[..., Awaitable[Any]], asked: list[str], name: str) -> Callable[..., Any]:
    async def noted(kind: Any, *args: Any, **options: Any) -> Any:
        asked.append(f"{name} {kind.plural}")
        return await call(kind, *args, **options)

    return noted
