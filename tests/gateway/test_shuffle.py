"""Twenty deployments behind one Gateway in a seeded disorder, while kinds and Gateway come and go."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.clients.kubernetes import CRDS, DEPLOYMENTS, MERGE_PATCH, PODS
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.gateway.definitions import POOLS as POOL_DEFINITION
from airunway.sandbox.gateway.definitions import ROUTES as ROUTE_DEFINITION
from tests.gateway.site import GATEWAYS, POOLS, ROUTES, SERVICES, GatewaySite, reason

DEPLOYMENTS_AT_ONCE = 20
STEPS = 15
SHUFFLES = int(os.environ.get("AIRUNWAY_SHUFFLES", "2"))
TEAMS = ("team-a", "team-b", "edge")


class Shuffle:
    """What happens in one order, and what must hold after each step."""

    def __init__(self, site: GatewaySite, seed: int) -> None:
        self.site, self.random = site, random.Random(seed)
        self.living: dict[str, DeploymentRef] = {}
        self.made = 0
        self.gateway_there = self.kinds_there = True
        self.published: set[str] = set()
        """Whose route was there after the last step, and must not go by itself."""

    async def run(self) -> None:
        self._watch_writes()
        await self.site.gateway()
        for _ in range(DEPLOYMENTS_AT_ONCE):
            await self.create()
        await self.settle()
        steps: list[Callable[[], Awaitable[None]]] = [
            *[self.create, self.delete, self.rename] * 3,
            self.gateway_goes,
            self.gateway_comes,
            self.kinds_go,
            self.kinds_come,
        ]
        for _ in range(STEPS):
            await self.random.choice(steps)()
            await self.settle()
            await self.check()
        await self.kinds_come()
        await self.gateway_comes()
        await self.settle()
        await self.check()

    # -- what happens ---------------------------------------------------------------------------------------

    async def create(self) -> None:
        if len(self.living) >= DEPLOYMENTS_AT_ONCE:
            return
        self.made += 1
        name = f"m{self.made}"
        namespace = self.random.choice(TEAMS)
        self.living[name] = await self.site.deploy(name, namespace, servedName=name)

    async def delete(self) -> None:
        if not self.living:
            return
        name = self.random.choice(sorted(self.living))
        ref = self.living.pop(name)
        self.published.discard(name)
        await self.site.remove_as_deleted(ref)
        await self.site.cluster.patch(
            DEPLOYMENTS,
            name,
            {"metadata": {"finalizers": None}},
            namespace=ref.namespace,
            content_type=MERGE_PATCH,
        )
        for kind in (SERVICES, PODS):
            await self.site.cluster.delete(kind, name, namespace=ref.namespace)

    async def rename(self) -> None:
        if self.living:
            name = self.random.choice(sorted(self.living))
            await self.site.edit(self.living[name], modelName=f"{name}-{self.random.randrange(100)}")

    async def gateway_goes(self) -> None:
        if self.gateway_there and self.kinds_there:
            await self.site.cluster.delete(GATEWAYS, "inference-gateway", namespace="edge")
            self.gateway_there = False

    async def gateway_comes(self) -> None:
        if not self.gateway_there and self.kinds_there:
            await self.site.gateway()
            self.gateway_there = True

    async def kinds_go(self) -> None:
        if self.kinds_there:
            which = self.random.choice([POOL_DEFINITION, ROUTE_DEFINITION])
            await self.site.cluster.delete(CRDS, which["metadata"]["name"])
            self.kinds_there = False
            self.published.clear()

    async def kinds_come(self) -> None:
        if not self.kinds_there:
            await self.site.install(POOL_DEFINITION, ROUTE_DEFINITION)
            self.kinds_there = True

    # -- what must hold at each write -----------------------------------------------------------------------

    def _watch_writes(self) -> None:
        """No route of one that lives is ever deleted; none leads to a pool that is not there yet, or goes."""
        cluster = self.site.cluster
        delete, create, apply = cluster.delete, cluster.create, cluster.apply

        async def deleting(kind: Any, name: str, **options: Any) -> Any:
            if kind.plural == ROUTES.plural:
                assert name not in self.living, f"the route of {name} is deleted, which lives"
            if kind.plural == POOLS.plural:
                routes = (await cluster.listing(ROUTES)).items
                assert name not in map(_backend, routes), f"pool {name} is deleted, to which a route leads"
            return await delete(kind, name, **options)

        def writing(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def checked(kind: Any, body: Any, **options: Any) -> Any:
                if kind.plural == ROUTES.plural:
                    place = body["metadata"]["namespace"]
                    pool = await cluster.find(POOLS, _backend(body), namespace=place)
                    assert pool is not None, f"the route of {body['metadata']['name']} leads nowhere"
                return await write(kind, body, **options)

            return checked

        watched = {"delete": deleting, "create": writing(create), "apply": writing(apply)}
        for name, instead in watched.items():
            setattr(cluster, name, instead)

    # -- what our part does then ----------------------------------------------------------------------------

    async def settle(self) -> None:
        """Every deployment looks, in any order and some at once, until nothing is to be done."""
        waiting = [*self.living.values()]
        self.random.shuffle(waiting)
        while waiting:
            some, waiting = waiting[:5], waiting[5:]
            await asyncio.gather(*map(self._publish, some))

    async def _publish(self, ref: DeploymentRef) -> None:
        for _ in range(20):
            try:
                said: Any = await self.site.publish(ref)
                if self.kinds_there and self.gateway_there:
                    await self.site.accept(ref)
                    said = await self.site.publish(ref)
                if said.condition is None or said.condition.reason in ("GatewayConfigured", "NoGateway"):
                    return
            except ApplicationError as err:
                assert err.type == "Conflict", err  # two opened the Gateway at once: the step is tried again
        pytest.fail(f"{ref} is never settled: {reason(said)}")

    # -- what must hold -------------------------------------------------------------------------------------

    async def check(self) -> None:
        if not self.kinds_there:
            return
        routes = {obj["metadata"]["name"]: obj for obj in (await self.site.cluster.listing(ROUTES)).items}
        pools = {obj["metadata"]["name"] for obj in (await self.site.cluster.listing(POOLS)).items}
        assert self.published <= set(routes), "a route went that nobody touched"
        assert set(routes) <= set(self.living), "a route of one that is gone is left"
        for name, route in routes.items():
            assert _backend(route) in pools, f"the route of {name} leads nowhere"
        self.published = set(routes)
        if self.gateway_there:
            assert set(routes) == set(self.living)
            assert set(pools) == set(self.living)
            admitted = await self.site.listener()
            teams = {ref.namespace for ref in self.living.values()} - {"edge"}
            values = admitted.get("selector", {}).get("matchExpressions", [{"values": []}])[0]["values"]
            assert set(values) - {"edge"} == teams, "open for just those that need it"


def _backend(route: Any) -> str:
    """The pool that a route leads to."""
    return str(route["spec"]["rules"][0]["backendRefs"][0]["name"])


@pytest.mark.parametrize("seed", range(SHUFFLES))
async def test_what_lives_is_published_and_nothing_else_ever(site: GatewaySite, seed: int) -> None:
    await Shuffle(site, seed).run()
