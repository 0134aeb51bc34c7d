"""A small image registry for tests, with anonymous tokens, redirects and faults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class RegistryServer:
    """Serves one repository, `team/model`. `requests` are the paths asked for, in order."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[bytes, str]] = {}
        self.token = ""
        self.realm = ""
        self.faults: list[web.Response] = []
        self.redirect_blobs_to = ""
        self.names_digest = True
        self.requests: list[str] = []
        self.url = ""

    def add(self, document: dict[str, Any], media_type: str, *, tag: str = "") -> str:
        """Store a document under its digest, and a tag."""
        content = json.dumps(document).encode()
        for key in filter(None, (digest_of(content), tag)):
            self.contents[key] = (content, media_type)
        return digest_of(content)

    def add_image(self, config: dict[str, Any], *, tag: str = "", platform: str = "") -> dict[str, Any]:
        """Store an image; the answer is its entry in an index."""
        digest = self.add({"config": {"digest": self.add(config, "config")}}, MANIFEST, tag=tag)
        os, _, architecture = platform.partition("/")
        return {"digest": digest, "platform": {"os": os, "architecture": architecture}}

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.path}")
        if request.path == "/token":
            assert request.query["scope"] == "repository:team/model:pull"
            return web.json_response({"token": self.token})
        if self.faults:
            return self.faults.pop(0)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            challenge = f'Bearer realm="{self.realm or self.url + "/token"}",service="registry"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        kind, key = request.path.split("/")[-2:]
        if kind == "blobs" and self.redirect_blobs_to:
            return web.Response(status=307, headers={"Location": self.redirect_blobs_to})
        if key not in self.contents or not request.path.startswith("/v2/team/model/"):
            return web.Response(status=404)
        content, media_type = self.contents[key]
        headers = {"Docker-Content-Digest": digest_of(content)} if self.names_digest else {}
        return web.Response(body=content, content_type=media_type, headers=headers)


@asynccontextmanager
async def registry_server() -> AsyncIterator[RegistryServer]:
    registry = RegistryServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.handle)
    async with TestServer(app) as server:
        registry.url = str(server.make_url("")).rstrip("/")
        yield registry
