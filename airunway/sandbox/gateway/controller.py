"""The pretend gateway's controllers: Gateways get an address, routes and pools are told how they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.sandbox.gateway import attachment
from airunway.sandbox.gateway.attachment import CONTROLLER
from airunway.sandbox.gateway.state import RoutingState
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import Key, Object, key_of

ADDRESS = "127.0.0.1"
MAX_PARENTS = 32


class GatewayControllers:
    """Reconcile Gateways of the pretend class, HTTPRoutes and InferencePools; each has its own queue."""

    def __init__(self, state: RoutingState) -> None:
        self._state = state
        self._gateways = Controller("gateway", self._reconcile_gateway)
        self._routes = Controller("httproute", self._reconcile_route)
        self._pools = Controller("inferencepool", self._reconcile_pool)
        self.all = (self._gateways, self._routes, self._pools)
        self._specs: dict[Key, tuple[str, int]] = {}
        """Uid and generation of each Gateway, as the routes were told last."""
        state.gateways.on_change(self._gateway_changed)
        state.routes.on_change(self._route_changed)
        state.pools.on_change(self._pool_changed)
        state.grants.on_change(lambda _: self._every_route())
        state.namespaces.on_change(self._namespace_changed)
        state.services.on_change(self._service_changed)

    # -- what concerns whom -------------------------------------------------------------------------------

    def _gateway_changed(self, gateway: Object) -> None:
        key, meta = key_of(gateway), gateway["metadata"]
        self._gateways.enqueue(key)
        is_there, spec = self._state.gateways.get(key) is not None, (meta["uid"], meta["generation"])
        if is_there and self._specs.get(key) == spec:
            return  # its status counts the routes: they need not be told of that
        self._specs.pop(key, None)
        if is_there:
            self._specs[key] = spec
        self._every_route()

    def _route_changed(self, route: Object) -> None:
        self._routes.enqueue(key_of(route))
        for _, key in attachment.parents_of(route):
            self._gateways.enqueue(key)
        for _, key in attachment.backends_of(route):
            self._pools.enqueue(key)

    def _pool_changed(self, pool: Object) -> None:
        self._pools.enqueue(key_of(pool))
        self._routes_to(key_of(pool))

    def _service_changed(self, service: Object) -> None:
        key = key_of(service)
        self._routes_to(key)
        for pool in self._state.pools:
            if (pool["metadata"]["namespace"], pool["spec"]["endpointPickerRef"]["name"]) == key:
                self._pools.enqueue(key_of(pool))

    def _namespace_changed(self, namespace: Object) -> None:
        for route in self._state.routes:
            if route["metadata"]["namespace"] == namespace["metadata"]["name"]:
                self._route_changed(route)

    def _every_route(self) -> None:
        for route in self._state.routes:
            self._route_changed(route)

    def _routes_to(self, backend: Key) -> None:
        for route in self._state.routes:
            if any(key == backend for _, key in attachment.backends_of(route)):
                self._routes.enqueue(key_of(route))

    # -- what is said -------------------------------------------------------------------------------------

    async def _reconcile_gateway(self, key: Key) -> float | None:
        gateway = self._state.gateway(key)
        if gateway is None:
            return None
        await self._state.gateways.patch(gateway, self._gateway_status(gateway), status=True)
        return None

    def _gateway_status(self, gateway: Object) -> Object:
        """Addresses, conditions, and each listener with how many routes it has."""
        known, generation = gateway.get("status") or {}, gateway["metadata"]["generation"]
        before = {one.get("name"): one for one in known.get("listeners") or []}
        listeners, served = [], []
        for listener in gateway["spec"]["listeners"]:
            verdicts = attachment.listener_verdicts(listener, self._state.port)
            old = before.get(listener["name"], {}).get("conditions") or []
            served.append(verdicts["Programmed"][0])
            listeners.append(
                {
                    "name": listener["name"],
                    "supportedKinds": attachment.route_kinds(listener),
                    "attachedRoutes": self._state.count_attached(gateway, listener),
                    "conditions": attachment.conditions(generation, old, verdicts),
                }
            )
        accepted = (True, "Accepted", "the Gateway is accepted")
        if not all(served):
            accepted = (any(served), "ListenersNotValid", "some listeners cannot be served; they say why")
        programmed = (True, "Programmed", f"listens at {ADDRESS}:{self._state.port}")
        if not any(served):
            words = (
                f"the sandbox's gateway serves HTTP at port {self._state.port} only; give it such a listener"
            )
            programmed = (False, "Invalid", words)
        said = {"Accepted": accepted, "Programmed": programmed}
        return {
            "addresses": [{"type": "IPAddress", "value": ADDRESS}] if any(served) else [],
            "conditions": attachment.conditions(generation, known.get("conditions") or [], said),
            "listeners": listeners,
        }

    async def _reconcile_route(self, key: Key) -> float | None:
        route = self._state.routes.get(key)
        if route is None or self._state.routes.is_deleted(route):
            return None
        known = (route.get("status") or {}).get("parents") or []
        resolved = attachment.resolution(route, self._state.exists, self._state.grants)
        parents = [entry for entry in known if entry.get("controllerName") != CONTROLLER]
        for ref, place in attachment.parents_of(route):
            gateway = self._state.gateway(place)
            if gateway is None:
                continue
            accepted = self._state.acceptance(gateway, ref, key[0])
            said = {"Accepted": accepted, "ResolvedRefs": resolved}
            parents.append(_parent(route, ref, known, said))
        if parents or known:
            await self._state.routes.patch(route, {"parents": parents[:MAX_PARENTS]}, status=True)
        return None

    async def _reconcile_pool(self, key: Key) -> float | None:
        pool = self._state.pools.get(key)
        if pool is None or self._state.pools.is_deleted(pool):
            return None
        known = (pool.get("status") or {}).get("parents") or []
        parents = [entry for entry in known if entry.get("controllerName") != CONTROLLER]
        name = pool["spec"]["endpointPickerRef"]["name"]
        resolved = (True, "ResolvedRefs", "the endpoint picker is there")
        if not self._state.has_picker(pool):
            resolved = (False, "InvalidExtensionRef", f"Service {name} of the endpoint picker is not there")
        said = {"Accepted": (True, "Accepted", "a route leads here"), "ResolvedRefs": resolved}
        for namespace, gateway in sorted(self._gateways_to(key)):
            ref = {"group": attachment.GROUP, "kind": "Gateway", "namespace": namespace, "name": gateway}
            parents.append(_parent(pool, ref, known, said))
        if parents or known:
            await self._state.pools.patch(pool, {"parents": parents[:MAX_PARENTS]}, status=True)
        return None

    def _gateways_to(self, pool: Key) -> set[Key]:
        """The Gateways from which a route leads to a pool."""
        return {
            key_of(gateway)
            for route in self._state.routes
            if any(
                key == pool and ref.get("kind") == "InferencePool"
                for ref, key in attachment.backends_of(route)
            )
            for gateway in self._state.gateways_of(route)
        }


def _parent(
    obj: Mapping[str, Any],
    ref: Mapping[str, Any],
    known: list[Mapping[str, Any]],
    said: Mapping[str, attachment.Verdict],
) -> Object:
    """What one Gateway says of an object."""
    mine = (one for one in known if (one.get("controllerName"), one.get("parentRef")) == (CONTROLLER, ref))
    old = next(mine, {}).get("conditions") or []
    conditions = attachment.conditions(obj["metadata"]["generation"], old, said)
    return {"parentRef": dict(ref), "controllerName": CONTROLLER, "conditions": conditions}
