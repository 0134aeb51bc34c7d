"""A cluster with rules for images and models, a registry with signed and unsigned images, and a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from airunway.activities.trust.image_gate import ImageGate
from airunway.activities.trust.namespace_policies import NamespacePolicies
from airunway.activities.trust.verification_keys import VerificationKeys
from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import CONFIG_MAPS, MERGE_PATCH, NAMESPACES, Cluster, Object, Resource
from airunway.clients.registry.client import RegistryClient
from airunway.messages.upstream import RenderAnswer
from airunway.provider import Manifest, Provider, RenderContext, UpstreamKind
from airunway.provider.rendering import owner_reference
from airunway.sandbox.registry import PretendRegistry
from airunway.trust.policy import setting_policy
from tests.activities.deployment_site import REF, DeploymentSite, Worker, render_request
from tests.e2e.acme import ACME
from tests.trust.cosign import Signer

WORKLOAD = UpstreamKind(api_version="apps/v1", kind="Deployment", plural="deployments", builtin=True)
WORKLOADS = Resource("apps/v1", "deployments")
REPOSITORY = "vllm/vllm-openai"
IMAGE = f"{REPOSITORY}:v0.12.0"
KEYS = "airunway-verification-keys"


def _pods(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """A workload whose containers are the overrides', as providers of every kind let them be."""
    overrides = deployment.spec.provider.overrides if deployment.spec.provider else None
    image = deployment.spec.engine.image if deployment.spec.engine else None
    pod = {"containers": [{"name": "server", "image": image or IMAGE}], **(overrides or {})}
    labels = {"app": deployment.name}
    return [
        {
            "apiVersion": WORKLOAD.api_version,
            "kind": WORKLOAD.kind,
            "metadata": {
                "name": deployment.name,
                "namespace": deployment.namespace,
                "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
    ]


@dataclass(frozen=True, kw_only=True)
class Unguarded(Provider):
    """A provider whose objects nothing limits but the rules for images and models."""

    def render(self, deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
        """The objects as they are."""
        return self.objects(deployment, context)


_ACME = {entry.name: getattr(ACME, entry.name) for entry in fields(ACME)}
PODS: Provider = Unguarded(**_ACME | {"kinds": [WORKLOAD], "objects": _pods})
"""The test provider with pods of its own."""


@dataclass
class TrustSite:
    """One namespace of tenants, as an administrator limits it."""

    place: DeploymentSite
    registry: PretendRegistry
    signer: Signer
    policies: NamespacePolicies = field(init=False)
    """Of the worker that was made last."""

    @property
    def cluster(self) -> Cluster:
        return self.place.cluster

    async def trust(self, *signers: Signer) -> None:
        """The public keys that count."""
        data = {f"{number}.pub": signer.public for number, signer in enumerate(signers)}
        body = {"metadata": {"name": KEYS}, "data": data}
        await self.cluster.create(CONFIG_MAPS, body, namespace=REF.namespace)

    async def annotate(self, **annotations: str | None) -> None:
        """What the Namespace says; `allowed_images="…"`."""
        named = {f"airunway.ai/{key.replace('_', '-')}": value for key, value in annotations.items()}
        patch = {"metadata": {"annotations": named}}
        await self.cluster.patch(NAMESPACES, REF.namespace, patch, content_type=MERGE_PATCH)

    def worker(
        self,
        *,
        images: Sequence[str] = ("*",),
        models: Sequence[str] = ("*",),
        verified: Sequence[str] = (),
        keys: str = f"configmap/{KEYS}",
        provider: Provider = PODS,
    ) -> Worker:
        """A process with these settings."""
        registries = RegistryClient(mirrors={"docker.io": self.registry.url})
        defaults = setting_policy(images=images, models=models, verified=verified)
        self.policies = NamespacePolicies(self.cluster, defaults)
        gate = ImageGate(
            self.policies,
            keys=VerificationKeys(self.cluster, namespace=REF.namespace, source=keys),
            images=registries,
            built_at=["localhost:30501"],
        )
        return Worker(self.cluster, providers=(provider,), gate=gate, images=registries)

    async def render(
        self, worker: Worker, made: Object, *, pins: Mapping[str, str] | None = None
    ) -> RenderAnswer:
        request = render_request(made).model_copy(update={"pinned_images": dict(pins or {})})
        return await worker.provider.render(request)

    async def images(self) -> list[str]:
        """The images of the workload as it is in the cluster; none without one."""
        live = await self.cluster.find(WORKLOADS, REF.name, namespace=REF.namespace)
        pod: dict[str, Any] = live["spec"]["template"]["spec"] if live else {}
        return [entry["image"] for entry in [*pod.get("initContainers", []), *pod.get("containers", [])]]


def reasons(answer: RenderAnswer) -> tuple[str, bool]:
    """Reason of the failure, and whether it is final; empty without one."""
    return (answer.failure.reason, answer.failure.final) if answer.failure else ("", False)
