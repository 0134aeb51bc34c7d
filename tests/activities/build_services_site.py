"""A cluster in which registry and builder are to be, and the keeper of both."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import pytest

from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.errors import BuilderNotReady, RegistryNotReady
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.api.names import BUILDER, PRIVATE_PULLS, REGISTRY_LOGIN
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    PODS,
    SECRETS,
    Cluster,
    Object,
    Resource,
)
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.modelimage.cluster_options import ClusterOptions

SERVICES = Resource("v1", "services")
CLAIMS = Resource("v1", "persistentvolumeclaims")
POLICIES = Resource("networking.k8s.io/v1", "networkpolicies")
DIGEST = "sha256:" + "a" * 64


class Digests:
    """Knows every tag, or none."""

    def __init__(self) -> None:
        self.reachable = True

    async def resolve(self, reference: str) -> ResolvedReference:
        if not self.reachable:
            raise RegistryUnavailable(f"{reference}: away")
        return ResolvedReference(digest=DIGEST)


class BuildServicesSite:
    """A cluster, and what is wanted in it. The test plays the kubelet."""

    def __init__(self, cluster: Cluster, namespace: str, *, controllers: bool) -> None:
        self.cluster, self.namespace, self.digests = cluster, namespace, Digests()
        self.builder_namespace = f"{namespace}-builder"
        self.controllers = controllers
        self.now = datetime(2026, 5, 1, tzinfo=UTC)

    def place(self, name: str) -> str:
        """The namespace of an object by its name."""
        return self.builder_namespace if name.startswith(BUILDER) else self.namespace

    def keeper(self, **options: Any) -> BuildServices:
        places = {"namespace": self.namespace, "builder_namespace": self.builder_namespace}
        wanted = ClusterOptions(**{**places, "node_port": 0, **options})
        logins = [self.logins_of(REGISTRY_LOGIN), self.logins_of(PRIVATE_PULLS)]
        return BuildServices(self.cluster, wanted, digests=self.digests, logins=logins)

    def logins_of(self, secret: str) -> ClusterRegistryLogin:
        """The logins in a Secret of the manifests."""
        return ClusterRegistryLogin(
            self.cluster,
            namespace=self.namespace,
            lifetime=timedelta(days=30),
            secret=secret,
            clock=lambda: self.now,
        )

    async def begin_registry(self, **options: Any) -> None:
        """Make the registry, whose pod is not up yet."""
        with pytest.raises(RegistryNotReady):
            await self.keeper(**options).ensure_registry()

    async def begin_builder(self, **options: Any) -> None:
        """Make the builder, whose pod is not up yet."""
        with pytest.raises(BuilderNotReady):
            await self.keeper(**options).ensure_builder()

    async def get(self, kind: Resource, name: str) -> Object:
        return await self.cluster.get(kind, name, namespace=self.place(name))

    async def come_up(self, name: str) -> None:
        """Say that the Deployment's pod is ready, or of what controllers made of it that they are."""
        if not self.controllers:
            live = await self.get(APPS_DEPLOYMENTS, name)
            status = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
            status["observedGeneration"] = live["metadata"]["generation"]
            await self._say(APPS_DEPLOYMENTS, name, status)
            return
        async with asyncio.timeout(60):
            while (await self.get(APPS_DEPLOYMENTS, name)).get("status", {}).get("readyReplicas") != 1:
                pods = await self.cluster.listing(
                    PODS, namespace=self.place(name), label_selector=f"app={name}"
                )
                ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                for pod in pods.items:
                    await self._say(PODS, pod["metadata"]["name"], ready)
                await asyncio.sleep(0.1)

    async def _say(self, kind: Resource, name: str, status: Object) -> None:
        await self.cluster.patch(
            kind, name, {"status": status}, namespace=self.place(name), subresource="status"
        )

    async def container(self, name: str) -> Object:
        deployment = await self.get(APPS_DEPLOYMENTS, name)
        return dict(deployment["spec"]["template"]["spec"]["containers"][0])

    async def annotations(self, name: str) -> Object:
        """Of the Deployment's pod."""
        deployment = await self.get(APPS_DEPLOYMENTS, name)
        return dict(deployment["spec"]["template"]["metadata"]["annotations"])

    async def login(self) -> RegistryCredentials:
        """What the worker pushes with now."""
        return await self.logins_of(REGISTRY_LOGIN).current()

    async def knows(self, login: RegistryCredentials) -> bool:
        """Whether the registry's pod lets a login in, by what is mounted there."""
        secret = await self.get(SECRETS, REGISTRY_LOGIN)
        lines = base64.b64decode(secret["data"]["htpasswd"]).decode().splitlines()
        hashes = dict(line.split(":", 1) for line in lines)
        known = hashes.get(login.user, "")
        return bool(known) and bcrypt.checkpw(login.password.encode(), known.encode())
