"""A cluster with Gateway API, deployments that run, and a pretend gateway controller's word on demand."""

from __future__ import annotations

from typing import Any

from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.gateway.activities import GatewayActivities
from airunway.activities.gateway.facts import GatewayFactsReader, GatewayOptions
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIGS, DEPLOYMENTS, PODS, Cluster, Object
from airunway.clients.kubernetes.kinds import Resource
from airunway.messages.deployment import AppliedObject
from airunway.messages.gateway import (
    ApplyGatewayAnswer,
    ApplyGatewayRequest,
    GatewayReading,
    GatewayRequest,
    RemoveGatewayAnswer,
    RemoveGatewayRequest,
)
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.gateway.definitions import GATEWAY_API
from kube_emulator import EmulatedCluster

NETWORKING = "gateway.networking.k8s.io"
GATEWAYS, ROUTES = Resource(f"{NETWORKING}/v1", "gateways"), Resource(f"{NETWORKING}/v1", "httproutes")
GRANTS = Resource(f"{NETWORKING}/v1beta1", "referencegrants")
POOLS = Resource("inference.networking.k8s.io/v1", "inferencepools")
SERVICES, ACCOUNTS = Resource("v1", "services"), Resource("v1", "serviceaccounts")
NAMESPACES, CONFIG_MAPS = Resource("v1", "namespaces"), Resource("v1", "configmaps")
ROLES = Resource("rbac.authorization.k8s.io/v1", "roles")
RULES = Resource("networking.istio.io/v1beta1", "destinationrules")
BINDINGS = Resource("rbac.authorization.k8s.io/v1", "rolebindings")
PICKER = (ACCOUNTS, ROLES, BINDINGS, CONFIG_MAPS, APPS_DEPLOYMENTS, SERVICES)
EVERYTHING = (ROUTES, POOLS, *PICKER)
Asked = list[tuple[str, str, int]]


class GatewaySite:
    """What a person, providers and the gateway's controller do to the cluster; `worker` does our part."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster) -> None:
        self.emulated, self.cluster = emulated, cluster
        self.asked: Asked = []
        """Which servers were asked for their model's name."""
        self.served_name = ""
        self.worker = self.another()
        self.applied: dict[str, list[AppliedObject]] = {}
        self.probed: dict[str, Any] = {}
        self.granted: dict[str, list[str]] = {}

    def another(self, **options: Any) -> GatewayActivities:
        """The activities of another process, with these settings."""
        given = GatewayOptions(**options)
        return GatewayActivities(
            self.cluster,
            kinds=ServedGatewayKinds(self.cluster, clock=self._clock),
            options=given,
            cache=SnapshotCache(),
            reader=GatewayFactsReader(self.cluster, given, ask=self._ask),
        )

    _time = 0.0

    def _clock(self) -> float:
        self._time += 1000  # nothing is remembered for so long
        return self._time

    async def _ask(self, service: str, namespace: str, port: int) -> str:
        self.asked.append((service, namespace, port))
        return self.served_name

    # -- the cluster ----------------------------------------------------------------------------------------

    async def install(self, *definitions: Any) -> None:
        for one in definitions or GATEWAY_API:
            await apply_crd(self.cluster, one, field_manager="test")

    async def namespace(self, name: str, **labels: str) -> None:
        body = {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}}
        if await self.cluster.find(NAMESPACES, name) is None:
            await self.cluster.create(NAMESPACES, body)

    async def gateway(
        self,
        name: str = "inference-gateway",
        namespace: str = "edge",
        *,
        admits: Any = None,
        address: str = "10.1.2.3",
        **meta: Any,
    ) -> Object:
        await self.namespace(namespace)
        allowed = {"allowedRoutes": {"namespaces": admits}} if admits is not None else {}
        body = {
            "apiVersion": GATEWAYS.api_version,
            "kind": "Gateway",
            "metadata": {"name": name, "namespace": namespace, **meta},
            "spec": {
                "gatewayClassName": "istio",
                "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", **allowed}],
            },
        }
        await self.cluster.create(GATEWAYS, body, namespace=namespace)
        status = {"addresses": [{"type": "IPAddress", "value": address}]} if address else {}
        return await self.cluster.patch(
            GATEWAYS, name, {"status": status}, namespace=namespace, subresource="status"
        )

    async def listener(self, name: str = "inference-gateway", namespace: str = "edge") -> Any:
        """What its first listener admits."""
        live = await self.cluster.get(GATEWAYS, name, namespace=namespace)
        return live["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]

    async def register(self, name: str = "acme", gateway: Any = None, **engine: Any) -> None:
        entry = {"name": "vllm", **({"gateway": gateway} if gateway else {}), **engine}
        body = {
            "apiVersion": API_VERSION,
            "kind": "InferenceProviderConfig",
            "metadata": {"name": name},
            "spec": {"capabilities": {"engines": [entry]}},
        }
        await self.cluster.apply(CONFIGS, body, field_manager="test")

    # -- deployments ----------------------------------------------------------------------------------------

    async def deploy(
        self, name: str = "mistral", namespace: str = "team-a", *, gateway: Any = None, **model: Any
    ) -> DeploymentRef:
        """One that runs, with its Service and a pod that is ready."""
        await self.namespace(namespace)
        spec = {"model": {"id": f"org/{name}", **model}, "engine": {"type": "vllm"}}
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**spec, **({"gateway": gateway} if gateway is not None else {})},
        }
        await self.cluster.create(DEPLOYMENTS, body, namespace=namespace)
        status = {
            "phase": "Running",
            "provider": {"name": "acme"},
            "engine": {"type": "vllm"},
            "endpoint": {"service": name, "port": 8000},
        }
        await self.cluster.patch(
            DEPLOYMENTS, name, {"status": status}, namespace=namespace, subresource="status"
        )
        port = {"name": "http", "port": 8000, "targetPort": 8000}
        service = {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [port]}}
        await self.cluster.create(SERVICES, service, namespace=namespace)
        await self.pod(name, namespace, labels={"app": name})
        return DeploymentRef(cluster="here", namespace=namespace, name=name)

    async def pod(self, name: str, namespace: str, *, labels: dict[str, str]) -> None:
        spec = {"containers": [{"name": "main", "image": "x"}]}
        await self.cluster.create(
            PODS, {"metadata": {"name": name, "labels": labels}, "spec": spec}, namespace=namespace
        )
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        await self.cluster.patch(PODS, name, {"status": ready}, namespace=namespace, subresource="status")

    async def edit(self, ref: DeploymentRef, **gateway: Any) -> None:
        """Lay this over spec.gateway."""
        body = {"spec": {"gateway": gateway}}
        await self.cluster.patch(DEPLOYMENTS, ref.name, body, namespace=ref.namespace)

    async def find(self, kind: Any, ref: DeploymentRef, name: str = "") -> Object | None:
        return await self.cluster.find(kind, name or ref.name, namespace=ref.namespace)

    # -- the gateway's controller ---------------------------------------------------------------------------

    async def accept(self, ref: DeploymentRef, *, name: str = "") -> None:
        """The route is accepted and resolved, and the picker is up."""
        route = await self.cluster.get(ROUTES, name or ref.name, namespace=ref.namespace)
        good = [{"type": kind, "status": "True"} for kind in ("Accepted", "ResolvedRefs")]
        parents = [
            {"parentRef": parent, "controllerName": "x.io/y", "conditions": good}
            for parent in route["spec"].get("parentRefs") or []
        ]
        status = {"status": {"parents": parents}}
        await self.cluster.patch(
            ROUTES, name or ref.name, status, namespace=ref.namespace, subresource="status"
        )
        picker = f"{ref.name}-epp"
        if await self.find(APPS_DEPLOYMENTS, ref, picker) is not None:
            up = {"status": {"availableReplicas": 1}}
            await self.cluster.patch(
                APPS_DEPLOYMENTS, picker, up, namespace=ref.namespace, subresource="status"
            )

    # -- our part -------------------------------------------------------------------------------------------

    async def request(self, ref: DeploymentRef, **fields: Any) -> GatewayRequest:
        meta = (await self.cluster.get(DEPLOYMENTS, ref.name, namespace=ref.namespace))["metadata"]
        given = {
            "ref": ref,
            "uid": meta["uid"],
            "generation": meta["generation"],
            "provider": "acme",
            "engine": "vllm",
            "applied": self.applied.get(str(ref), []),
            "probed": self.probed.get(str(ref)),
            "granted": self.granted.get(str(ref), []),
            **fields,
        }
        return GatewayRequest(**given)

    async def read(self, ref: DeploymentRef) -> GatewayReading:
        return await self.worker.read_gateway(await self.request(ref))

    async def publish(self, ref: DeploymentRef) -> ApplyGatewayAnswer | GatewayReading:
        """Read, apply and write the status, as the workflow does; answers what was said last."""
        answer = await self._publish(ref)
        said = [answer.condition.dump()] if answer.condition is not None else []
        stamped = [{**one, "lastTransitionTime": "2026-01-01T00:00:00Z"} for one in said]
        status: dict[str, Any] = {"conditions": stamped} if stamped else {}
        if answer.status is not None:
            status["gateway"] = answer.status.dump()
        if status:
            await self.cluster.patch(
                DEPLOYMENTS, ref.name, {"status": status}, namespace=ref.namespace, subresource="status"
            )
        return answer

    async def _publish(self, ref: DeploymentRef) -> ApplyGatewayAnswer | GatewayReading:
        request = await self.request(ref)
        reading = await self.worker.read_gateway(request)
        self.probed[str(ref)] = reading.probed
        if not reading.planned:
            self.applied[str(ref)] = reading.objects or self.applied.get(str(ref), [])
            self.granted[str(ref)] = reading.granted
            return reading
        self.granted[str(ref)] = sorted({*request.granted, *reading.granted})
        found = request.model_copy(update={"probed": reading.probed, "granted": self.granted[str(ref)]})
        asked = ApplyGatewayRequest(read_from=found, planned=reading.planned)
        answer = await self.worker.apply_gateway(asked)
        if not answer.superseded:
            self.applied[str(ref)] = answer.objects
        return answer

    async def published(self, ref: DeploymentRef) -> GatewayReading:
        """Published and accepted: what is read then."""
        await self.publish(ref)
        await self.accept(ref)
        return await self.read(ref)

    async def remove(self, ref: DeploymentRef, uid: str = "") -> RemoveGatewayAnswer:
        found = uid or (await self.request(ref)).uid
        applied = self.applied.pop(str(ref), [])
        return await self.worker.remove_gateway(RemoveGatewayRequest(ref=ref, uid=found, applied=applied))

    async def remove_as_deleted(self, ref: DeploymentRef) -> RemoveGatewayAnswer:
        """It is being deleted, held by its finalizer meanwhile."""
        held = {"metadata": {"finalizers": ["airunway.ai/acme-provider"]}}
        await self.cluster.patch(DEPLOYMENTS, ref.name, held, namespace=ref.namespace)
        await self.cluster.delete(DEPLOYMENTS, ref.name, namespace=ref.namespace)
        return await self.remove(ref)

    async def left(self, ref: DeploymentRef) -> list[str]:
        """What there is of the gateway's objects."""
        found = []
        for kind in EVERYTHING:
            for name in {ref.name if kind in (ROUTES, POOLS) else f"{ref.name}-epp"}:
                if await self.find(kind, ref, name) is not None:
                    found.append(f"{kind.plural} {name}")
        return found


def reason(answer: GatewayReading | ApplyGatewayAnswer) -> str:
    """Of the condition: `True`, or why not."""
    assert answer.condition is not None
    return "True" if answer.condition.status == "True" else answer.condition.reason
