"""The webhooks beside a real API server: registered by the shipped manifests, run with the shipped rights."""

from __future__ import annotations

import asyncio
import copy
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import NAMESPACES, Cluster, Resource
from airunway.webhook.keeper import CONFIGURATIONS
from airunway.webhook.run import run_admission
from airunway.workers.health import Ready
from airunway.workers.settings import Settings
from kube_emulator.envtest.ports import free_port
from tests.deploy.manifests import CORE, objects
from tests.servers.cluster import Cluster as Servers

Object = dict[str, Any]

SYSTEM = "airunway-system"
ACCOUNT = "airunway-webhook"
PATIENCE_SECONDS = 60


@dataclass
class Response:
    """What a user gets to see."""

    status: int
    body: Object
    warnings: list[str]

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


class User:
    """Plain calls of the API, such as kubectl makes, in one namespace."""

    def __init__(self, session: aiohttp.ClientSession, url: str, namespace: str) -> None:
        self._session, self._url, self.namespace = session, url, namespace

    async def create(self, obj: Object, *, query: str = "") -> Response:
        return await self.call("POST", f"{query}", obj)

    async def replace(self, obj: Object) -> Response:
        return await self.call("PUT", f"/{obj['metadata']['name']}", obj)

    async def merge(self, name: str, patch: Object) -> Response:
        return await self.call("PATCH", f"/{name}", patch, content_type="application/merge-patch+json")

    async def get(self, name: str) -> Response:
        return await self.call("GET", f"/{name}")

    async def delete(self, name: str) -> Response:
        return await self.call("DELETE", f"/{name}")

    async def call(
        self, method: str, path: str, body: Object | None = None, *, content_type: str = "application/json"
    ) -> Response:
        base = f"{self._url}/apis/airunway.ai/v1alpha1/namespaces/{self.namespace}/modeldeployments"
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        async with self._session.request(method, base + path, data=data, headers=headers) as answer:
            warnings = [value.split('"')[1] for value in answer.headers.getall("Warning", [])]
            return Response(answer.status, await answer.json(), warnings)


@dataclass
class Installation:
    """A cluster with the CRDs, and the webhooks once `registered` and `started`."""

    servers: Servers
    cluster: Cluster
    user: User
    folder: Path
    port: int = field(default_factory=free_port)
    ready: Ready = field(default_factory=Ready)

    async def register(self) -> None:
        """The shipped objects; the configurations with an URL, and for this test's namespace only."""
        for obj in objects(CORE, "webhook*.yaml"):
            if obj["kind"] not in ("Deployment", "PodDisruptionBudget", "Service"):
                await self.apply(self._by_url(obj))

    def _by_url(self, obj: Object) -> Object:
        obj = copy.deepcopy(obj)
        for webhook in obj.get("webhooks", ()):
            path = webhook["clientConfig"].pop("service")["path"]
            webhook["clientConfig"]["url"] = f"https://127.0.0.1:{self.port}{path}"
            only_here = {"kubernetes.io/metadata.name": self.user.namespace}
            webhook["namespaceSelector"] = {"matchLabels": only_here}
        return obj

    async def apply(self, obj: Object) -> None:
        served = await self.cluster.discovery.served_kinds(obj["apiVersion"])
        kind = Resource(obj["apiVersion"], served[obj["kind"]])
        await self.cluster.apply(kind, obj, field_manager="test", strict=True)

    async def fail_open(self) -> None:
        """`failurePolicy: Ignore`."""
        for kind, name in CONFIGURATIONS:
            patch = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
            await self.cluster.patch(kind, name, patch, content_type="application/json-patch+json")

    async def unregister(self) -> None:
        for kind, name in CONFIGURATIONS:
            if await self.cluster.find(kind, name):
                await self.cluster.delete(kind, name)
        secrets = Resource("v1", "secrets")
        if await self.cluster.find(secrets, "airunway-webhook-server-cert", namespace=SYSTEM):
            await self.cluster.delete(secrets, "airunway-webhook-server-cert", namespace=SYSTEM)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A webhook process, until the end of the block; entered once the API server asks it."""
        settings = Settings(
            kubeconfig=await self._kubeconfig_of_account(),
            pod_namespace=SYSTEM,
            webhook_port=self.port,
            webhook_names=["127.0.0.1"],
            webhook_check=timedelta(milliseconds=200),
        )
        task = asyncio.create_task(run_admission(settings, self.ready))
        try:
            await self.until(lambda: self.ready() or task.done())
            await self.until(self._asked)
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _kubeconfig_of_account(self) -> Path:
        tokens = Resource("v1", f"serviceaccounts/{ACCOUNT}/token")
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        granted = await self.cluster.create(tokens, request, namespace=SYSTEM)
        config = json.loads(self.servers.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": granted["status"]["token"]}
        path = self.folder / "webhook.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    async def _asked(self) -> bool:
        """Whether both webhooks take part: the API server learns of a registration a little later."""
        probe = {"apiVersion": "airunway.ai/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "a.b"}}
        answer = await self.user.create(probe, query="?dryRun=All")
        return "[metadata.name" in answer.message and "spec.model.id: Required" in answer.message

    async def until(self, wanted: Callable[[], Any]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = wanted()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def installation(servers: Servers, namespace: str, folder: Path) -> AsyncIterator[Installation]:
    """The CRDs and a user; nothing of the webhooks yet, and nothing left of them afterwards."""
    trusted = ssl.create_default_context(cafile=str(servers.api_server.ca_file))
    headers = {"Authorization": f"Bearer {servers.api_server.token}"}
    async with (
        await Cluster.connect(servers.kubeconfig) as cluster,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted), headers=headers) as session,
    ):
        await apply_own_crds(cluster, field_manager="test")
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": SYSTEM}})
        here = Installation(servers, cluster, User(session, servers.url, namespace), folder)
        try:
            yield here
        finally:
            await here.unregister()
