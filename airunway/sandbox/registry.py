"""A pretend image registry (registry API v2): tags that were always there, and what is pushed.

The digest of a tag that was always there is made from its name, so it stays the same from run to run; `move`
points it to another image, as a nightly build does. Pushed images are kept whole, in memory, or in a folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from airunway.sandbox.for_this_machine import for_this_machine
from airunway.sandbox.pushed_images import PushedImages, basic_auth, digest_of

DEFAULT_TAGS: Mapping[str, Sequence[str]] = {
    "kaito-project/aikit/runners/llama-cpp-cuda": ("latest",),
    "vllm/vllm-openai": ("latest", "cu130-nightly", "nightly", "v0.11.0", "v0.12.0"),
}
"""Repository to tags."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
_TOKEN = "of-the-sandbox"
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024


class PretendRegistry:
    """Serves on loopback, as a context manager. `host` is what a client takes for the registry's name."""

    def __init__(
        self, tags: Mapping[str, Sequence[str]] = DEFAULT_TAGS, *, folder: Path | None = None
    ) -> None:
        self._tags = {name: dict.fromkeys(given, 0) for name, given in tags.items()}
        self._pushed = PushedImages(folder)
        self.requests: list[str] = []
        """Method and path of every request, for tests."""
        self.login: tuple[str, str] | None = None
        """User and password it wants; None lets everybody in."""
        self.anonymous_reads = False
        """Whether only changes want the login: the two sides of the registry in a cluster, in one."""
        self.gives_tokens = False
        """Whether the login is only good for a token, as with most registries in the world."""
        self.host = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(
            middlewares=[for_this_machine, self._doorkeeper], client_max_size=0
        )  # layers are streamed
        app.router.add_get("/token", self._token)
        app.router.add_get("/v2/", self._version)
        app.router.add_get("/v2/{name:.+}/tags/list", self._list)
        app.router.add_get("/v2/{name:.+}/manifests/{reference}", self._manifest)
        app.router.add_put("/v2/{name:.+}/manifests/{reference}", self._put_manifest)
        app.router.add_delete("/v2/{name:.+}/manifests/{reference}", self._delete_manifest)
        app.router.add_get("/v2/{name:.+}/blobs/{digest:[a-z0-9]+:[a-z0-9]+}", self._blob)
        app.router.add_post("/v2/{name:.+}/blobs/uploads/", self._begin_upload)
        app.router.add_patch("/v2/{name:.+}/blobs/uploads/{upload}", self._upload)
        app.router.add_put("/v2/{name:.+}/blobs/uploads/{upload}", self._end_upload)
        await asyncio.to_thread(self._pushed.load)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.host = f"127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Address, without TLS."""
        return f"http://{self.host}"

    def move(self, repository: str, tag: str) -> None:
        """Let a tag point to a new image."""
        tags = self._tags[repository]
        tags[tag] = tags.get(tag, 0) + 1

    def digest(self, repository: str, tag: str) -> str:
        """Digest of the image a tag points to now. Raises KeyError for an unknown one."""
        return digest_of(self._image(repository, tag))

    def _image(self, repository: str, tag: str) -> bytes:
        pushed = self._pushed.manifest(repository, tag)
        return self._always_there(repository, tag) if pushed is None else pushed

    def _always_there(self, repository: str, tag: str) -> bytes:
        build = self._tags[repository][tag]
        made_at = f"2026-01-{build % 28 + 1:02d}T00:00:00Z"
        labels = {
            "org.opencontainers.image.revision": _hex(f"{repository}:{tag}:{build}")[:40],
            "org.opencontainers.image.created": made_at,
        }
        config = _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": made_at,
                "config": {"Labels": labels},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
                "layers": [],
            }
        )
        self._pushed.blobs |= {digest_of(config): config, digest_of(manifest): manifest}
        return manifest

    # -- pulling ------------------------------------------------------------------------------------------

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({})

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        tags = sorted({*self._tags.get(name, ()), *self._pushed.tags(name)})
        if not tags:
            return _error(404, "NAME_UNKNOWN", f"repository name not known to registry: {name}")
        return web.json_response({"name": name, "tags": tags})

    async def _manifest(self, request: web.Request) -> web.Response:
        repository, reference = request.match_info["name"], request.match_info["reference"]
        try:
            body = self._pushed.blobs[reference] if ":" in reference else self._image(repository, reference)
        except KeyError:
            return _error(404, "MANIFEST_UNKNOWN", f"manifest unknown: {repository}:{reference}")
        headers = {"Docker-Content-Digest": digest_of(body)}
        media_type = str(json.loads(body).get("mediaType") or MANIFEST)
        return web.Response(body=body, content_type=media_type, headers=headers)

    async def _blob(self, request: web.Request) -> web.Response:
        body = self._pushed.blobs.get(request.match_info["digest"])
        if body is None:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return web.Response(body=body, content_type="application/octet-stream")

    # -- pushing ------------------------------------------------------------------------------------------

    async def _begin_upload(self, request: web.Request) -> web.Response:
        if "digest" in request.query:
            return await self._kept(request, await _body_of(request), request.query["digest"])
        where = f"/v2/{request.match_info['name']}/blobs/uploads/{self._pushed.begin()}"
        return web.Response(status=202, headers={"Location": where, "Range": "0-0"})

    async def _upload(self, request: web.Request) -> web.Response:
        upload = self._pushed.uploads.get(request.match_info["upload"])
        if upload is None:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        upload += await _body_of(request)
        return web.Response(status=202, headers={"Location": request.path, "Range": f"0-{len(upload) - 1}"})

    async def _end_upload(self, request: web.Request) -> web.Response:
        upload = self._pushed.uploads.pop(request.match_info["upload"], None)
        if upload is None:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return await self._kept(request, upload + await _body_of(request), request.query.get("digest", ""))

    async def _kept(self, request: web.Request, body: bytes | bytearray, digest: str) -> web.Response:
        if digest != digest_of(body):
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        await asyncio.to_thread(self._pushed.keep, bytes(body))
        where = f"/v2/{request.match_info['name']}/blobs/{digest}"
        return web.Response(status=201, headers={"Location": where, "Docker-Content-Digest": digest})

    async def _put_manifest(self, request: web.Request) -> web.Response:
        repository, reference = request.match_info["name"], request.match_info["reference"]
        body = bytes(await _body_of(request, most=_MAX_MANIFEST_BYTES))
        digest = digest_of(body)
        try:
            document = json.loads(body)
            parts = [document["config"], *document["layers"]] if "layers" in document else []
            absent = [part["digest"] for part in parts if part["digest"] not in self._pushed.blobs]
        except (ValueError, KeyError, TypeError):
            return _error(400, "MANIFEST_INVALID", "manifest invalid")
        if absent:
            return _error(404, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {absent[0]}")
        if ":" in reference and reference != digest:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        await asyncio.to_thread(self._pushed.tag, repository, reference, body)
        where = f"/v2/{repository}/manifests/{digest}"
        return web.Response(status=201, headers={"Location": where, "Docker-Content-Digest": digest})

    async def _delete_manifest(self, request: web.Request) -> web.Response:
        repository, reference = request.match_info["name"], request.match_info["reference"]
        if not await asyncio.to_thread(self._pushed.remove, repository, reference):
            return _error(404, "MANIFEST_UNKNOWN", f"manifest unknown: {repository}:{reference}")
        return web.Response(status=202)

    @web.middleware
    async def _doorkeeper(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        reads = request.method in ("GET", "HEAD") and self.anonymous_reads
        if self.login is not None and not reads and not self._is_authorized(request):
            answer = _error(401, "UNAUTHORIZED", "authentication required")
            realm = f'Bearer realm="{self.url}/token",service="sandbox"'
            answer.headers["WWW-Authenticate"] = realm if self.gives_tokens else 'Basic realm="sandbox"'
            return answer
        return await handler(request)

    def _is_authorized(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        if self.gives_tokens and request.path != "/token":
            return given == f"Bearer {_TOKEN}"
        return self.login is not None and given == basic_auth(*self.login)

    async def _token(self, _request: web.Request) -> web.Response:
        return web.json_response({"token": _TOKEN, "expires_in": 300})


async def _body_of(request: web.Request, *, most: int | None = None) -> bytearray:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if most is not None and len(body) > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(body))
    return body


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)
