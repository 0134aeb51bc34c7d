"""Everything a provider's worker does with a cluster, in one go: registration, deployments, deletion."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, MERGE_PATCH, Cluster, Object, Resource
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.errors import RegistryError
from airunway.messages.deployment import AppliedObject
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import (
    ApplyAnswer,
    ApplyRequest,
    Readiness,
    ReadinessRequest,
    ReleaseRequest,
    RenderAnswer,
    RenderRequest,
)
from airunway.provider.contract import Provider, UpstreamKind
from airunway.sandbox.operators.objects import owner_reference
from airunway.workers.registration import Registrar

CLAIMS = Resource("v1", "persistentvolumeclaims")
CACHE = {"name": "cache", "purpose": "modelCache", "size": "10Gi", "accessMode": "ReadWriteMany"}


def open_crd(kind: UpstreamKind) -> Object:
    """A CustomResourceDefinition that takes any content, for an upstream kind."""
    names = {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {**names, "singular": kind.kind.lower()},
            "versions": [version],
        },
    }


class NoRegistry:
    """No registry can be reached."""

    async def resolve(self, reference: str) -> ResolvedReference:
        raise RegistryError(f"{reference}: no network")


class WorkerLife:
    """One deployment's life as a provider's worker sees it. `cluster` is the worker's, `admin` the user's."""

    def __init__(
        self, cluster: Cluster, admin: Cluster, provider: Provider, *, namespace: str, impersonate: str = ""
    ) -> None:
        self.cluster, self.admin, self.provider = cluster, admin, provider
        self.namespace = namespace
        images = NoRegistry()
        self.activities = ProviderActivities(
            cluster, {provider.name: provider}, env={}, images=images, impersonate=impersonate
        )
        self.applied: list[AppliedObject] = []
        self.uid, self.generation = "", 0
        self._ref = DeploymentRef(cluster="here", namespace=namespace, name="chat")

    async def register(self) -> None:
        """Come and go, with a registration that somebody tampered with in between."""
        registrar = Registrar(
            self.cluster, self.provider, task_queue="a-queue", heartbeat=timedelta(seconds=60)
        )
        await registrar.register()
        await self.admin.patch(CONFIGS, self.provider.name, {"spec": {"selectionRules": None}})
        changed = {"metadata": {"annotations": {"airunway.ai/task-queue": "other"}}}
        await self.admin.patch(CONFIGS, self.provider.name, changed)
        await registrar.register()
        await registrar.beat()
        await registrar.sign_off()

    async def deploy(self, spec: dict[str, Any]) -> None:
        """A user makes the deployment."""
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": "chat", "namespace": self.namespace},
            "spec": {**spec, "provider": {"name": self.provider.name}},
        }
        self._is(await self.admin.create(DEPLOYMENTS, body, namespace=self.namespace))

    async def edit(self, spec: dict[str, Any]) -> None:
        """A user changes it."""
        self._is(await self.admin.patch(DEPLOYMENTS, "chat", {"spec": spec}, namespace=self.namespace))

    def _is(self, obj: Object) -> None:
        self.uid, self.generation = obj["metadata"]["uid"], obj["metadata"]["generation"]

    async def reconcile(self) -> RenderAnswer | ApplyAnswer:
        """Render, and apply what has to be written."""
        request = RenderRequest(
            ref=self._ref,
            uid=self.uid,
            generation=self.generation,
            provider=self.provider.name,
            engine="",
            applied=self.applied,
        )
        while True:
            answer = await self._once(request)
            if answer is not None:
                self.applied = answer.objects or self.applied
                return answer

    async def _once(self, request: RenderRequest) -> RenderAnswer | ApplyAnswer | None:
        """None: a controller wrote in between, or a definition is too new; the workflow tries again."""
        rendered = await self.activities.render(request)
        if rendered.failure is not None and rendered.failure.reason == "WaitingForCluster":
            await asyncio.sleep(0.1)
            return None
        if not rendered.writes:
            return rendered
        asked = ApplyRequest(rendered_from=request, finalizer=rendered.finalizer, planned=rendered.planned)
        try:
            answer = await self.activities.apply_upstream(asked)
        except ApplicationError as err:
            if err.type != "Conflict":
                raise
            return None
        return None if answer.superseded else answer

    async def read(self) -> Readiness:
        """Read what was applied, with a look at pods."""
        request = ReadinessRequest(
            ref=self._ref,
            uid=self.uid,
            generation=self.generation,
            provider=self.provider.name,
            applied=self.applied,
            diagnose=True,
        )
        return await self.activities.read_readiness(request)

    async def tamper(self) -> None:
        """Somebody takes the labels off the main object."""
        kind, name = self.provider.kinds[0], self.applied[0].name
        labels = {"metadata": {"labels": None}}
        await self.admin.patch(kind, name, labels, namespace=self.namespace, content_type=MERGE_PATCH)

    async def operator_makes(self) -> None:
        """What KubeRay makes of its main object, with other numbers than that asks for."""
        main = await self.admin.get(self.provider.kinds[0], "chat", namespace=self.namespace)
        assert self.provider.operator_objects is not None
        groups = main["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        kind = self.provider.operator_objects.kind
        body = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {
                "name": "chat-made",
                "ownerReferences": [owner_reference(main, main["apiVersion"], main["kind"])],
            },
            "spec": {"workerGroupSpecs": [{**group, "replicas": 7} for group in groups]},
        }
        await self.admin.create(kind, body, namespace=self.namespace)
        status = {"status": {"activeServiceStatus": {"rayClusterName": "chat-made"}}}
        await self.admin.patch(
            self.provider.kinds[0], "chat", status, namespace=self.namespace, subresource="status"
        )

    async def bind_claims(self) -> None:
        """What the storage provisioner does."""
        for claim in (await self.admin.listing(CLAIMS, namespace=self.namespace)).items:
            status = {"status": {"phase": "Bound"}}
            await self.admin.patch(
                CLAIMS,
                claim["metadata"]["name"],
                status,
                namespace=self.namespace,
                subresource="status",
                content_type=MERGE_PATCH,
            )

    async def release(self) -> list[str]:
        """A user deletes it; answers what remains."""
        await self.admin.delete(DEPLOYMENTS, "chat", namespace=self.namespace)
        request = ReleaseRequest(ref=self._ref, uid=self.uid, provider=self.provider.name)
        return (await self.activities.release_upstream(request)).remaining

    async def let_go(self) -> None:
        """What the core does after that: the object goes, and its namespace may."""
        finalizers = {"metadata": {"finalizers": None}}
        await self.admin.patch(
            DEPLOYMENTS, "chat", finalizers, namespace=self.namespace, content_type=MERGE_PATCH
        )
