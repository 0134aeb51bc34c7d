"""A web process in this one: an emulated cluster, the application on a real socket, and who calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from temporalio.client import Client

from airunway.api.names import API_VERSION, CONFIG_KIND, DEPLOYMENT_KIND
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, NAMESPACES, PODS, Cluster, Object
from airunway.web.app import create_app
from airunway.web.process import listening, serve
from airunway.web.state import WebState, no_temporal, web_state
from airunway.workers.settings import Settings
from tests.clusters import emulated_cluster

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def message(self) -> str:
        """Of a refusal."""
        return str(self.body["error"]["message"])


@dataclass
class WebPlace:
    """The application as its callers meet it."""

    url: str
    session: aiohttp.ClientSession
    cluster: Cluster
    state: WebState

    async def call(self, method: str, path: str, *, body: Any = None, **headers: str) -> Answered:
        """One request; `headers` with `_` for `-`."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        async with self.session.request(
            method, self.url + path, json=body, headers=named, allow_redirects=False
        ) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return Answered(answer.status, await answer.json() if is_json else text, answer.headers)

    async def get(self, path: str, **headers: str) -> Answered:
        """A GET."""
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answered:
        """A POST with JSON."""
        return await self.call("POST", path, body=body if body is not None else {}, **headers)

    async def deployment(
        self, name: str, *, namespace: str = "default", spec: Mapping[str, Any] | None = None, **status: Any
    ) -> Object:
        """A ModelDeployment, with a status where one is given."""
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": name},
            "spec": spec or {"model": {"id": "acme/tiny"}},
        }
        made = await self.cluster.create(DEPLOYMENTS, body, namespace=namespace)
        if status:
            made = await self.cluster.patch(
                DEPLOYMENTS, name, {"status": status}, namespace=namespace, subresource="status"
            )
        return made

    async def config(
        self, name: str, *, annotations: Mapping[str, str] | None = None, **parts: Any
    ) -> Object:
        """An InferenceProviderConfig; `parts`: `spec` and `status`."""
        body = {
            "apiVersion": API_VERSION,
            "kind": CONFIG_KIND,
            "metadata": {"name": name, "annotations": dict(annotations or {})},
            "spec": parts.get("spec") or {},
        }
        made = await self.cluster.create(CONFIGS, body)
        if parts.get("status"):
            made = await self.cluster.patch(CONFIGS, name, {"status": parts["status"]}, subresource="status")
        return made

    async def namespace(self, name: str) -> None:
        """A Namespace."""
        await self.cluster.create(
            NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )

    async def pod(
        self,
        name: str,
        *,
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        node: str = "",
        gpus: int = 0,
        **status: Any,
    ) -> Object:
        """A pod, with a status where one is given."""
        container: dict[str, Any] = {"name": "main", "image": "registry.example.com/server:1"}
        if gpus:
            container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
        body: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": dict(labels or {})},
            "spec": {"containers": [container], **({"nodeName": node} if node else {})},
        }
        made = await self.cluster.create(PODS, body, namespace=namespace)
        if status:
            made = await self.cluster.patch(
                PODS, name, {"status": status}, namespace=namespace, subresource="status"
            )
        return made

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until what is followed says so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            version = -1
            while not is_so():
                version = await self.state.fleet.changed_after(max(version, self.state.fleet.version - 1))

    async def until_answer(self, path: str, is_so: Callable[[Answered], bool]) -> Answered:
        """Ask until the answer is as wanted."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so(answer := await self.get(path)):
                await asyncio.sleep(0.05)
        return answer


@asynccontextmanager
async def web_place(
    folder: Path, *, find_temporal: Callable[[], Awaitable[Client]] = no_temporal, **settings: Any
) -> AsyncIterator[WebPlace]:
    """An emulated cluster and the application before it."""
    async with (
        emulated_cluster(folder, own_crds=True) as cluster,
        web_before(cluster, find_temporal=find_temporal, **settings) as place,
    ):
        yield place


@asynccontextmanager
async def web_before(
    cluster: Cluster, *, find_temporal: Callable[[], Awaitable[Client]] = no_temporal, **settings: Any
) -> AsyncIterator[WebPlace]:
    """The application before a cluster."""
    chosen = Settings(cluster="here", web_port=0).model_copy(update=settings)
    async with web_state(chosen, cluster, find_temporal=find_temporal) as state:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await state.fleet.synced()
        with listening(chosen) as socket:
            socket.listen()  # who calls before it is served waits, and is not refused
            serving = asyncio.create_task(serve(create_app(state), socket, on_stop=state.fleet.tell_no_more))
            url = f"http://127.0.0.1:{socket.getsockname()[1]}"
            try:
                async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                    yield WebPlace(url, session, cluster, state)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
