"""A deployment on KubeRay in an emulated cluster, where the test plays the operator."""

from __future__ import annotations

import copy
from typing import Any

from airunway.api import names
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object, Resource
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import ApplyAnswer, ReadinessRequest, RenderAnswer, RenderRequest
from airunway.providers.kuberay import PROVIDER
from airunway.sandbox.operators.objects import owner_reference
from kube_emulator import EmulatedCluster
from tests.activities.deployment_site import REF, Worker, asked

SERVICES, CLUSTERS = Resource("ray.io/v1", "rayservices"), Resource("ray.io/v1", "rayclusters")
COUNTS = ("replicas", "minReplicas", "maxReplicas")


class RaySite:
    """A deployment on KubeRay, its RayService, and what the test says that the operator made."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster) -> None:
        self.emulated, self.cluster = emulated, cluster
        self.applied: list[AppliedObject] = []
        self.followed: list[AppliedObject] = []
        self.follows = False
        self.worker = Worker(cluster, providers=(PROVIDER,))

    async def deploy(self, replicas: int, **metadata: Any) -> None:
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {"name": REF.name, "namespace": REF.namespace, **metadata},
            "spec": {
                "model": {"id": "o/m"},
                "engine": {"type": "vllm"},
                "provider": {"name": "kuberay"},
                "resources": {"gpu": {"count": 1}},
                "scaling": {"replicas": replicas},
            },
        }
        await self.cluster.create(DEPLOYMENTS, body, namespace=REF.namespace)
        await self.apply()

    async def request(self) -> RenderRequest:
        meta = (await self.cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace))["metadata"]
        return RenderRequest(
            ref=REF,
            uid=meta["uid"],
            generation=meta["generation"],
            provider="kuberay",
            engine="vllm",
            applied=self.applied,
            followed=self.followed,
        )

    async def apply(self) -> tuple[RenderAnswer, ApplyAnswer | None]:
        request = await self.request()
        rendered = await self.worker.provider.render(request)
        self.follows = bool(rendered.follows)
        if not rendered.writes:
            self.followed = rendered.followed or self.followed
            return rendered, None
        done = await self.worker.provider.apply_upstream(asked(request, rendered))
        self.applied, self.followed = done.objects or self.applied, done.followed or self.followed
        return rendered, done

    async def read(self) -> list[str]:
        request = await self.request()
        answer = await self.worker.provider.read_readiness(
            ReadinessRequest(
                ref=REF,
                uid=request.uid,
                generation=request.generation,
                provider="kuberay",
                applied=self.applied,
                follows=self.follows,
            )
        )
        self.followed = answer.followed or self.followed
        return answer.drifted

    async def scale(self, replicas: int, **spec: Any) -> None:
        patch = {"spec": {"scaling": {"replicas": replicas}, **spec}}
        await self.cluster.patch(DEPLOYMENTS, REF.name, patch, namespace=REF.namespace)

    async def service(self) -> Object:
        return await self.cluster.get(SERVICES, REF.name, namespace=REF.namespace)

    async def made(self, name: str = "chat-a", **metadata: Any) -> Object:
        """The operator makes a cluster as the RayService describes one."""
        service = await self.service()
        owners = [owner_reference(service, "ray.io/v1", "RayService")]
        body = {
            "apiVersion": "ray.io/v1",
            "kind": "RayCluster",
            "metadata": {"name": name, "namespace": REF.namespace, "ownerReferences": owners, **metadata},
            "spec": copy.deepcopy(service["spec"]["rayClusterConfig"]),
        }
        body["spec"]["workerGroupSpecs"][0]["scaleStrategy"] = {"workersToDelete": ["chat-a-worker-x"]}
        return await self.cluster.create(
            CLUSTERS, body, namespace=REF.namespace, field_manager="kuberay-operator"
        )

    async def reports(self, *, active: str = "chat-a", pending: str = "", observed: bool = True) -> None:
        generation = (await self.service())["metadata"]["generation"]
        status = {
            "observedGeneration": generation if observed else generation - 1,
            "activeServiceStatus": {"rayClusterName": active},
            "pendingServiceStatus": {"rayClusterName": pending},
        }
        await self.cluster.patch(
            SERVICES, REF.name, {"status": status}, namespace=REF.namespace, subresource="status"
        )

    async def group(self, name: str = "chat-a") -> Object:
        made = await self.cluster.get(CLUSTERS, name, namespace=REF.namespace)
        group: Object = made["spec"]["workerGroupSpecs"][0]
        return group

    async def counts(self, name: str = "chat-a") -> list[int]:
        return [(await self.group(name))[field] for field in COUNTS]

    async def set(self, name: str = "chat-a", *, manager: str = "hand", **fields: Any) -> None:
        """Somebody changes the first group of a cluster."""
        changes = [
            {"op": "add", "path": f"/spec/workerGroupSpecs/0/{field}", "value": value}
            for field, value in fields.items()
        ]
        await self.cluster.patch(
            CLUSTERS,
            name,
            changes,
            namespace=REF.namespace,
            content_type="application/json-patch+json",
            field_manager=manager,
        )
