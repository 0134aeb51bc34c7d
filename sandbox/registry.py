"""A pretend image registry: answers what a digest look-up asks (registry API v2), for a few repositories.

A tag's digest is made from its name, so it stays the same from run to run; `move` points a tag to another
image, as a nightly build does. Layers cannot be pulled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiohttp import web

DEFAULT_TAGS: Mapping[str, Sequence[str]] = {
    "vllm/vllm-openai": ("latest", "cu130-nightly", "nightly", "v0.11.0", "v0.12.0"),
}
"""Repository to tags."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class PretendRegistry:
    """Serves on loopback, as a context manager. `host` is what a client takes for the registry's name."""

    def __init__(self, tags: Mapping[str, Sequence[str]] = DEFAULT_TAGS) -> None:
        self._tags = {name: dict.fromkeys(given, 0) for name, given in tags.items()}
        self._blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        """Method and path of every request, for tests."""
        self.host = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v2/", self._version)
        app.router.add_get("/v2/{name:.+}/manifests/{reference}", self._manifest)
        app.router.add_get("/v2/{name:.+}/blobs/{digest}", self._blob)
        self._runner = web.AppRunner(app, access_log=None)
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
        return _digest(self._image(repository, tag))

    def _image(self, repository: str, tag: str) -> bytes:
        build = self._tags[repository][tag]
        labels = {
            "org.opencontainers.image.revision": _hex(f"{repository}:{tag}:{build}")[:40],
            "org.opencontainers.image.created": f"2026-01-{build % 28 + 1:02d}T00:00:00Z",
        }
        config = _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": f"2026-01-{build % 28 + 1:02d}T00:00:00Z",
                "config": {"Labels": labels},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": _digest(config), "size": len(config)},
                "layers": [],
            }
        )
        self._blobs[_digest(config)] = config
        self._blobs[_digest(manifest)] = manifest
        return manifest

    async def _version(self, request: web.Request) -> web.Response:
        self._note(request)
        return web.json_response({})

    async def _manifest(self, request: web.Request) -> web.Response:
        self._note(request)
        repository, reference = request.match_info["name"], request.match_info["reference"]
        try:
            body = self._blobs[reference] if ":" in reference else self._image(repository, reference)
        except KeyError:
            return _error(404, "MANIFEST_UNKNOWN", f"manifest unknown: {repository}:{reference}")
        headers = {"Docker-Content-Digest": _digest(body)}
        return web.Response(body=body, content_type=MANIFEST, headers=headers)

    async def _blob(self, request: web.Request) -> web.Response:
        self._note(request)
        body = self._blobs.get(request.match_info["digest"])
        if body is None:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return web.Response(body=body, content_type="application/octet-stream")

    def _note(self, request: web.Request) -> None:
        self.requests.append(f"{request.method} {request.path}")


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)
