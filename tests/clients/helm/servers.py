"""A server of charts for tests: a classic repository, plain archives, and an OCI registry (read only)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.clients.helm.charts import metadata, pack, sha256

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class ChartServer:
    """Everything under one address; `requests` are the paths asked for, in order.

    Charts are at `<url>/charts` as a repository, at `<url>/charts/<name>-<version>.tgz`, and at
    `oci://<host>/charts/<name>`.
    """

    def __init__(self) -> None:
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.archives: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.status = 0
        """Answers everything with this status, if set."""
        self.url = ""

    @property
    def repository(self) -> str:
        return f"{self.url}/charts"

    @property
    def registry(self) -> str:
        return f"oci://{self.url.removeprefix('http://')}/charts"

    def add(self, chart: Path, *, digest: str | None = None) -> bytes:
        """Serve a chart; with another digest in the index, or none at all (empty)."""
        archive, about = pack(chart), metadata(chart)
        name, version = about["name"], about["version"]
        file = f"{name}-{version}.tgz"
        announced = sha256(archive) if digest is None else digest
        entry = about | {"urls": [file], **({"digest": announced} if announced else {})}
        self.entries.setdefault(name, []).append(entry)
        self.archives[file] = archive
        self._push(name, version, archive, about)
        return archive

    def _push(self, name: str, version: str, archive: bytes, about: dict[str, Any]) -> None:
        config = json.dumps(about).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(config, CONFIG),
            "layers": [self._blob(archive, CONTENT)],
        }
        content = json.dumps(manifest).encode()
        self.tags[f"{name}:{version}"] = self.tags[f"{name}:sha256:{sha256(content)}"] = content

    def _blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{sha256(content)}"
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    async def push_to(self, url: str) -> None:
        """Copy everything into another registry, as `helm push` would."""
        async with aiohttp.ClientSession(url) as session:
            for digest, blob in self.blobs.items():
                async with session.post("/v2/charts/settings/blobs/uploads/") as begun:
                    assert begun.status == 202, await begun.text()
                    place = URL(begun.headers["Location"]).update_query(digest=digest)
                kind = {"Content-Type": "application/octet-stream"}
                async with session.put(place, data=blob, headers=kind) as done:
                    assert done.status == 201, await done.text()
            for tag, manifest in self.tags.items():
                name, version = tag.split(":", 1)
                path = f"/v2/charts/{name}/manifests/{version}"
                async with session.put(path, data=manifest, headers={"Content-Type": MANIFEST}) as done:
                    assert done.status == 201, await done.text()

    def tamper(self, archive: bytes) -> None:
        """Let the registry give other bytes for an archive than its digest says."""
        self.blobs[f"sha256:{sha256(archive)}"] = archive[:-1] + bytes([archive[-1] ^ 1])

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        if self.status:
            return web.Response(status=self.status)
        parts = request.path.strip("/").split("/")
        if parts == ["v2"]:
            return web.json_response({})
        if parts[0] == "charts" and parts[-1] == "index.yaml":
            index = {"apiVersion": "v1", "entries": self.entries}
            return web.Response(body=yaml.safe_dump(index).encode())
        if parts[0] == "charts" and parts[-1] in self.archives:
            return web.Response(body=self.archives[parts[-1]])
        if parts[:2] == ["v2", "charts"]:
            return self._registry(*parts[2:])
        return web.Response(status=404)

    def _registry(self, name: str, kind: str, reference: str) -> web.Response:
        if kind == "tags":
            versions = [tag.split(":", 1)[1] for tag in self.tags if tag.startswith(f"{name}:")]
            tags = [version for version in versions if not version.startswith("sha256:")]
            return web.json_response({"name": f"charts/{name}", "tags": tags})
        found = self.tags.get(f"{name}:{reference}") if kind == "manifests" else self.blobs.get(reference)
        if found is None:
            unknown = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}
            return web.json_response({"errors": [unknown]}, status=404)
        digest = reference if reference.startswith("sha256:") else f"sha256:{sha256(found)}"
        media_type = MANIFEST if kind == "manifests" else "application/octet-stream"
        return web.Response(body=found, content_type=media_type, headers={"Docker-Content-Digest": digest})


@asynccontextmanager
async def chart_server() -> AsyncIterator[ChartServer]:
    server = ChartServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with TestServer(app) as running:
        server.url = str(running.make_url("")).rstrip("/")
        yield server
