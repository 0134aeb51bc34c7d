"""The pretend KubeRay operator: RayServices become RayClusters, and those head and workers.

A change of a RayService brings up a second cluster beside the one that serves; numbers of workers do not, nor
do they reach a cluster that is there: as KubeRay leaves them to an autoscaler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.clients.kubernetes import Cluster, Resource
from airunway.sandbox.operators import kuberay_objects, upstream
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import Key, Object, controller_of, key_of

RAY_SERVICES = Resource(kuberay_objects.API_VERSION, "rayservices")
RAY_CLUSTERS = Resource(kuberay_objects.API_VERSION, "rayclusters")
OPERATOR = ("ray-system", "kuberay-operator")
"""Namespace and name of the operator's Deployment."""
CHART = "kuberay/kuberay-operator"


class KubeRay(upstream.UpstreamOperator):
    """Reconciles RayServices and RayClusters."""

    def __init__(self, cluster: Cluster, deployments: KindCache) -> None:
        super().__init__(OPERATOR, deployments)
        self._cluster = cluster
        self._ray_services = KindCache(cluster, RAY_SERVICES)
        self._clusters = KindCache(cluster, RAY_CLUSTERS)
        self._selected: dict[str, str] = {}  # by uid of a RayService, which cluster its Service selects
        self._of_services = Controller("rayservices", self._reconcile_service)
        self._of_clusters = Controller("rayclusters", self._reconcile_cluster)
        self.caches = [self._ray_services, self._clusters]
        self.controllers = [self._of_services, self._of_clusters]
        self._ray_services.on_change(lambda obj: self._of_services.enqueue(key_of(obj)))
        self._clusters.on_change(self._cluster_changed)
        deployments.on_change(self._deployment_changed)

    def _cluster_changed(self, cluster: Object) -> None:
        self._of_clusters.enqueue(key_of(cluster))
        owner = controller_of(cluster)
        if owner and owner["kind"] == kuberay_objects.SERVICE_KIND:
            self._of_services.enqueue((cluster["metadata"]["namespace"], owner["name"]))

    def _deployment_changed(self, deployment: Object) -> None:
        owner = controller_of(deployment)
        if owner and owner["kind"] == kuberay_objects.CLUSTER_KIND:
            self._of_clusters.enqueue((deployment["metadata"]["namespace"], owner["name"]))

    async def _reconcile_cluster(self, key: Key) -> float | None:
        cluster = self._clusters.get(key)
        if cluster is None or self._clusters.is_deleted(cluster):
            return None  # what was made goes by garbage collection
        if not self.is_up():
            return upstream.WHILE_DOWN
        wanted = kuberay_objects.deployments(cluster)
        made = await upstream.bring_about(self._deployments, cluster, wanted)
        ready = {name: upstream.ready_replicas(one) for name, one in made.items()}
        current = self._clusters.get(key) or cluster
        await self._clusters.patch(current, kuberay_objects.cluster_status(current, ready), status=True)
        return None if len(made) == len(wanted) else upstream.WHILE_DOWN

    async def _reconcile_service(self, key: Key) -> float | None:
        service = self._ray_services.get(key)
        if service is None or "deletionTimestamp" in service["metadata"]:
            return None
        if not self.is_up():
            return upstream.WHILE_DOWN
        owned = self._clusters.owned_by(service["metadata"]["uid"])
        clusters = {one["metadata"]["name"]: one for one in owned}
        wanted = kuberay_objects.cluster(service)
        name = wanted["metadata"]["name"]
        if name not in clusters:
            clusters[name] = await self._clusters.create(wanted)
        serving = ((service.get("status") or {}).get("activeServiceStatus") or {}).get("rayClusterName")
        if serving is None or serving not in clusters or kuberay_objects.is_ready(clusters[name]):
            serving = name
        if serving == name:
            for one in clusters.values():
                if one["metadata"]["name"] != name and not self._clusters.is_deleted(one):
                    await self._clusters.delete(one)
        await self._select(service, serving)
        pending = clusters[name] if serving != name else None
        await self._write_status(service, clusters[serving], pending)
        return None

    async def _select(self, service: Mapping[str, Any], serving: str) -> None:
        uid = service["metadata"]["uid"]
        if self._selected.get(uid) != serving:
            await upstream.bring_services(self._cluster, kuberay_objects.services(service, serving))
            self._selected[uid] = serving

    async def _write_status(self, service: Object, serving: Object, pending: Object | None) -> None:
        current = self._ray_services.get(key_of(service)) or service
        status = kuberay_objects.service_status(current, serving, pending)
        await self._ray_services.patch(current, status, status=True)
