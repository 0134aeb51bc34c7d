"""What there is of the gateway in the emulated cluster, kept true by watches, and what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.clients.kubernetes import NAMESPACES, PODS, Cluster, Kind, Resource
from airunway.sandbox.gateway import attachment
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.objects import Key, Object, key_of
from airunway.sandbox.serving.model_servers import is_serving

CLASS = "airunway-sandbox"
CLASSES = Resource(f"{attachment.GROUP}/v1", "gatewayclasses")
GATEWAYS = Resource(f"{attachment.GROUP}/v1", "gateways")
ROUTES = Resource(f"{attachment.GROUP}/v1", "httproutes")
GRANTS = Resource(f"{attachment.GROUP}/v1beta1", "referencegrants")
POOLS = Resource(f"{attachment.POOL_GROUP}/v1", "inferencepools")
SERVICES = Resource("v1", "services")


class RoutingState:
    """Copies of the kinds that decide where requests go. `port`: where the pretend gateway listens."""

    def __init__(self, cluster: Cluster) -> None:
        def cache(kind: Kind) -> KindCache:
            return KindCache(cluster, kind)

        self.gateways, self.routes, self.pools = cache(GATEWAYS), cache(ROUTES), cache(POOLS)
        self.grants, self.services, self.pods = cache(GRANTS), cache(SERVICES), cache(PODS)
        self.namespaces = cache(NAMESPACES)
        self.port = 0

    @property
    def _all(self) -> tuple[KindCache, ...]:
        first = (self.gateways, self.routes, self.pools, self.grants)
        return (*first, self.services, self.pods, self.namespaces)

    def start(self) -> list[asyncio.Task[None]]:
        """Begin to watch; the tasks run until cancelled."""
        return [asyncio.create_task(cache.follow.run()) for cache in self._all]

    async def synced(self) -> None:
        """Wait until every copy is complete."""
        await asyncio.gather(*(cache.follow.synced.wait() for cache in self._all))

    # -- Gateways and routes ------------------------------------------------------------------------------

    def gateway(self, key: Key) -> Object | None:
        """A Gateway of the pretend class; None for others, which are other controllers'."""
        found = self.gateways.get(key)
        return found if found is not None and found["spec"]["gatewayClassName"] == CLASS else None

    def is_served(self, gateway: Mapping[str, Any]) -> bool:
        """Whether one of its listeners is where the pretend gateway listens."""
        return any(
            listener["protocol"] == "HTTP" and listener["port"] == self.port
            for listener in gateway["spec"]["listeners"]
        )

    def acceptance(
        self, gateway: Mapping[str, Any], ref: Mapping[str, Any], namespace: str
    ) -> attachment.Verdict:
        """Whether a Gateway takes a route of a namespace."""
        return attachment.acceptance(gateway, ref, namespace, self._labels(namespace))

    def count_attached(self, gateway: Mapping[str, Any], listener: Mapping[str, Any]) -> int:
        """How many routes one listener has."""
        own = key_of(gateway)
        return sum(
            any(
                key == own
                and attachment.attaches_to(gateway, listener, ref, namespace, self._labels(namespace))
                for ref, key in attachment.parents_of(route)
            )
            for route in self.routes
            for namespace in (route["metadata"]["namespace"],)
        )

    def _labels(self, namespace: str) -> Mapping[str, str]:
        found = self.namespaces.get(("", namespace)) or {"metadata": {}}
        return found["metadata"].get("labels") or {}

    def gateways_of(self, route: Mapping[str, Any]) -> Iterator[Object]:
        """The Gateways of the pretend class that take a route."""
        for ref, key in attachment.parents_of(route):
            gateway = self.gateway(key)
            if gateway is not None and self.acceptance(gateway, ref, route["metadata"]["namespace"])[0]:
                yield gateway

    def attached(self) -> list[Object]:
        """The routes that requests may take."""
        return [route for route in self.routes if any(map(self.is_served, self.gateways_of(route)))]

    # -- what routes lead to ------------------------------------------------------------------------------

    def exists(self, kind: str, key: Key) -> bool:
        """Whether there is a Service or an InferencePool."""
        cache = self.services if kind == "Service" else self.pools
        return cache.get(key) is not None

    def has_picker(self, pool: Mapping[str, Any]) -> bool:
        """Whether the Service of a pool's endpoint picker is there."""
        return self._picker(pool) is not None

    def may_serve(self, pool: Mapping[str, Any]) -> bool:
        """Whether its picker is ready, or requests may go on without one."""
        if pool["spec"]["endpointPickerRef"].get("failureMode") == "FailOpen":
            return True
        picker = self._picker(pool)
        selector = ((picker or {}).get("spec") or {}).get("selector") or {}
        return bool(selector) and bool(self._pods(pool["metadata"]["namespace"], selector))

    def endpoints(self, pool: Mapping[str, Any]) -> list[Object]:
        """The pods of a pool that are ready, by name."""
        return self._pods(pool["metadata"]["namespace"], pool["spec"]["selector"]["matchLabels"])

    def _picker(self, pool: Mapping[str, Any]) -> Object | None:
        return self.services.get((pool["metadata"]["namespace"], pool["spec"]["endpointPickerRef"]["name"]))

    def _pods(self, namespace: str, selector: Mapping[str, str]) -> list[Object]:
        found = [
            pod
            for pod in self.pods
            if pod["metadata"]["namespace"] == namespace
            and is_serving(pod)
            and selector.items() <= (pod["metadata"].get("labels") or {}).items()
        ]
        return sorted(found, key=key_of)
