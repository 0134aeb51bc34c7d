"""One deployment in an emulated cluster, and the activities of one worker on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airunway.activities.deployment.activities import DeploymentActivities
from airunway.activities.deployment.decision import Routes
from airunway.activities.deployment.reading import SelectionOptions
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.trust.image_gate import ImageGate
from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Cluster, Object
from airunway.clients.registry.client import RegistryClient
from airunway.messages.decision import SelectionRequest, ValidateRequest
from airunway.messages.deployment import AppliedObject, Limits
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import (
    ApplyAnswer,
    ApplyRequest,
    ReadinessRequest,
    RenderAnswer,
    RenderRequest,
)
from airunway.provider import Provider
from kube_emulator import EmulatedCluster
from tests.e2e.acme import ACME, SERVER

REF = DeploymentRef(cluster="here", namespace="default", name="chat")
SPEC: dict[str, Any] = {"model": {"id": "o/m"}, "provider": {"name": "acme"}, "engine": {"type": "vllm"}}
ENGINE = {"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True, "cpuSupport": True}


class Calls:
    """What the API server was asked for, as `METHOD path` without queries."""

    def __init__(self, emulated: EmulatedCluster) -> None:
        self.seen: list[str] = []
        emulated.faults.fail_next(when=self._note)

    def _note(self, method: str, path: str) -> bool:
        self.seen.append(f"{method} {path.partition('?')[0]}")
        return False  # it fails nothing

    def take(self) -> list[str]:
        """Those since the last time."""
        seen, self.seen[:] = list(self.seen), []
        return seen


class Worker:
    """The activities of one process: its caches are its own."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        providers: tuple[Provider, ...] = (ACME,),
        heartbeat_limit: timedelta = timedelta(minutes=3),
        attributes: tuple[str, ...] = (),
        gate: ImageGate | None = None,
        images: RegistryClient | None = None,
        routes: Routes | None = None,
    ) -> None:
        cache = SnapshotCache()
        named = {provider.name: provider for provider in providers}
        self.core = DeploymentActivities(
            cluster,
            served_locally=named,
            limits=Limits(rollout_deadline=60, finalizer_timeout=60),
            options=SelectionOptions(heartbeat_limit=heartbeat_limit),
            cache=cache,
            search_attributes=lambda: attributes,
            routes=routes,
            gate=gate,
        )

        self.provider = ProviderActivities(
            cluster,
            named,
            env={},
            cache=cache,
            gate=gate,
            images=images,
        )

    async def apply(self, request: RenderRequest) -> tuple[RenderAnswer, ApplyAnswer]:
        """Render, and do what that planned."""
        rendered = await self.provider.render(request)
        return rendered, await self.provider.apply_upstream(asked(request, rendered))


class DeploymentSite:
    """The cluster as a person uses it."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster) -> None:
        self.emulated, self.cluster = emulated, cluster

    def worker(self, **options: Any) -> Worker:
        """Another process."""
        return Worker(self.cluster, **options)

    def calls(self) -> Calls:
        """Watch what is asked of the API server from now on."""
        return Calls(self.emulated)

    async def deploy(self, **spec: Any) -> Object:
        """Make the deployment; keyword arguments are laid over its spec."""
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": REF.name, "namespace": REF.namespace},
            "spec": SPEC | spec,
        }
        return await self.cluster.create(DEPLOYMENTS, body, namespace=REF.namespace)

    async def deployment(self) -> Object:
        """It as it is."""
        return await self.cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)

    async def change(self, patch: dict[str, Any]) -> Object:
        """Change it."""
        return await self.cluster.patch(DEPLOYMENTS, REF.name, patch, namespace=REF.namespace)

    async def delete(self) -> None:
        """Ask for its deletion; a finalizer that is on it keeps it."""
        await self.cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)

    async def pause(self) -> None:
        """Put the annotation on."""
        await self.change({"metadata": {"annotations": {"airunway.ai/reconcile-paused": "true"}}})

    async def server(self) -> Object | None:
        """The main object."""
        return await self.cluster.find(SERVER, REF.name, namespace=REF.namespace)

    async def register(self, name: str = "acme", *, beat: str = "", **spec: Any) -> None:
        """A provider that is ready."""
        config = {
            "apiVersion": API_VERSION,
            "kind": "InferenceProviderConfig",
            "metadata": {"name": name},
            "spec": {"capabilities": {"engines": [ENGINE]}, **spec},
        }
        await self.cluster.create(CONFIGS, config)
        status = {"ready": True, **({"lastHeartbeat": beat} if beat else {})}
        await self.cluster.patch(CONFIGS, name, {"status": status}, subresource="status")


def render_request(deployment: Object, *, applied: list[AppliedObject] | None = None) -> RenderRequest:
    """What the workflow asks for a deployment of `acme`, decided on as it is given."""
    meta = deployment["metadata"]
    return RenderRequest(
        ref=REF,
        uid=meta["uid"],
        generation=meta["generation"],
        resource_version=meta["resourceVersion"],
        provider="acme",
        engine="vllm",
        applied=applied or [],
    )


def asked(request: RenderRequest, answer: RenderAnswer) -> ApplyRequest:
    """What is asked when that was rendered."""
    return ApplyRequest(rendered_from=request, finalizer=answer.finalizer, planned=answer.planned)


def readiness_request(deployment: Object, applied: list[AppliedObject], **fields: Any) -> ReadinessRequest:
    """Read what was applied."""
    meta = deployment["metadata"]
    return ReadinessRequest(
        ref=REF,
        uid=meta["uid"],
        generation=meta["generation"],
        provider="acme",
        applied=applied,
        **fields,
    )


def selection_request(seen: Object) -> SelectionRequest:
    """Select for a deployment as it is given."""
    meta = seen["metadata"]
    return SelectionRequest(
        ref=REF, uid=meta["uid"], generation=meta["generation"], resource_version=meta["resourceVersion"]
    )


VALIDATE_IT = ValidateRequest(ref=REF)
