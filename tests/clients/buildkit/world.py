"""What a test of the client works with: a hub, a daemon and a registry, each pretend or real."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import posixpath
import tarfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from airunway.clients.buildkit import BuildKit, BuildKitEndpoint, HttpFile, ImageBuild, Progress, PushedImage
from airunway.clients.guarded_http import GuardedHttp, OutboundPolicy
from airunway.sandbox.buildkit import PretendBuildKit
from tests.servers.buildkitd import Buildkitd
from tests.servers.hub import Hub, HubModel, resolve_url

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
TOKEN = "hf_never_to_be_seen"
SECRETS = {"HF": f"Bearer {TOKEN}".encode()}


@dataclass
class World:
    """`name` is a repository of the test's own."""

    hub: Hub
    daemon: Buildkitd | PretendBuildKit
    registry: str
    name: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:12]}")

    @property
    def endpoint(self) -> BuildKitEndpoint:
        return BuildKitEndpoint(address=self.daemon.address)

    def model(self, files: Mapping[str, bytes], *, token: str = "") -> HubModel:
        """A model on the hub."""
        model = HubModel(id=f"acme/{self.name}", files=files, token=token)
        self.hub.publish(model)
        return model

    def files(self, model: HubModel, *, auth_secret: str = "") -> Sequence[HttpFile]:
        """All its files, to lie under /models."""
        return [
            HttpFile(
                url=resolve_url(self.hub.url, model.id, model.commit, name),
                sha256=blob.sha256,
                size=blob.size,
                path=f"/models/{name}",
                auth_secret=auth_secret,
            )
            for name, blob in model.blobs.items()
        ]

    def image(self, model: HubModel, *, auth_secret: str = "", **changes: Any) -> ImageBuild:
        """An image of all its files, without a base."""
        files = self.files(model, auth_secret=auth_secret)
        return ImageBuild(**{"base": "", "base_config": {}, "files": files, **changes})

    async def build(
        self,
        image: ImageBuild,
        *,
        push_to: str = "",
        secrets: Mapping[str, bytes] | None = None,
        registry_auth: Mapping[str, tuple[str, str]] | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> PushedImage:
        """Build it with a client of its own; pushed to `name:latest` of the registry."""
        http = GuardedHttp(OutboundPolicy(inside_hosts=[self.hub.content_url]), named=[self.hub.url])
        async with BuildKit(self.endpoint, http=http) as builder:
            return await builder.build(
                image,
                push_to=push_to or f"{self.registry}/{self.name}:latest",
                insecure=True,
                ref=uuid.uuid4().hex,
                secrets=secrets,
                registry_auth=registry_auth,
                on_progress=on_progress,
            )

    # -- the daemon ---------------------------------------------------------------------------------------

    async def crash(self) -> None:
        """Let the daemon die."""
        if isinstance(self.daemon, Buildkitd):
            await asyncio.to_thread(self.daemon.kill)
        else:
            await self.daemon.stop()

    async def revive(self) -> None:
        """Start it again on what it kept."""
        if isinstance(self.daemon, Buildkitd):
            await asyncio.to_thread(self.daemon.start)
        else:
            await self.daemon.start()

    async def wipe(self) -> None:
        """Start the daemon again, with nothing kept."""
        if isinstance(self.daemon, Buildkitd):
            await asyncio.to_thread(self.daemon.wipe)
        else:
            await self.daemon.stop()
            self.daemon.cache.records.clear()
            await self.daemon.start()

    async def make_links(self, name: str = "a.gguf") -> None:
        """Have a file's layer of links there already: it is made beside a download, and kept if whole."""
        await self.build(self.image(self.model({name: os.urandom(1_000)})))

    async def kept_bytes(self) -> int:
        """What the daemon holds on its disk."""
        async with BuildKit(self.endpoint) as builder:
            return sum(record.bytes for record in await builder.disk_usage())

    # -- the registry -------------------------------------------------------------------------------------

    async def manifest(self, reference: str = "latest") -> tuple[str, dict[str, Any]]:
        """Digest and document of what was pushed."""
        body = await self._get(f"{self.name}/manifests/{reference}")
        return f"sha256:{hashlib.sha256(body).hexdigest()}", json.loads(body)

    async def config(self, reference: str = "latest") -> dict[str, Any]:
        _, manifest = await self.manifest(reference)
        document: dict[str, Any] = json.loads(await self.blob(manifest["config"]["digest"]))
        return document

    async def blob(self, digest: str) -> bytes:
        body = await self._get(f"{self.name}/blobs/{digest}")
        assert digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
        return body

    async def content(self, reference: str = "latest") -> dict[str, bytes]:
        """Files of the image by path; what a link leads to is listed under the link's path alone."""
        files: dict[str, bytes] = {}
        links: dict[str, str] = {}
        for layer in await self.layers(reference):
            for entry in layer:
                path = f"/{entry.name}"
                if entry.isfile():
                    part = layer.extractfile(entry)
                    assert part is not None
                    files[path] = part.read()
                elif entry.issym():
                    links[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.linkname))
        reached = {path: files[target] for path, target in links.items()}
        return reached | {path: files[path] for path in files.keys() - set(links.values())}

    async def layers(self, reference: str = "latest") -> list[tarfile.TarFile]:
        """The image's layers, the lowest first."""
        _, manifest = await self.manifest(reference)
        blobs = [await self.blob(layer["digest"]) for layer in manifest["layers"]]
        return [tarfile.open(fileobj=io.BytesIO(blob)) for blob in blobs]

    async def push_base(self, files: Mapping[str, bytes], config: Mapping[str, Any]) -> tuple[str, Any]:
        """A base image with one compressed layer: its reference by digest, and its config."""
        layer = gzip.compress(_tar(files), mtime=0)
        diff_id = f"sha256:{hashlib.sha256(_tar(files)).hexdigest()}"
        document = {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "a person"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": await self._push_blob(CONFIG, json.dumps(document).encode()),
            "layers": [await self._push_blob(GZIP_LAYER, layer)],
        }
        body = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        url = f"http://{self.registry}/v2/{self.name}-base/manifests/{digest}"
        headers = {"Content-Type": MANIFEST}
        async with _checking() as session, session.put(url, data=body, headers=headers):
            return f"{self.registry}/{self.name}-base@{digest}", document

    async def _push_blob(self, media_type: str, body: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        uploads = f"http://{self.registry}/v2/{self.name}-base/blobs/uploads/"
        async with _checking() as session:
            async with session.post(uploads) as begun:
                where = begun.url.join(aiohttp.client.URL(begun.headers["Location"]))
            async with session.put(where.update_query(digest=digest), data=body):
                return {"mediaType": media_type, "digest": digest, "size": len(body)}

    async def _get(self, path: str) -> bytes:
        url = f"http://{self.registry}/v2/{path}"
        async with _checking() as session, session.get(url, headers={"Accept": MANIFEST}) as answer:
            return await answer.read()


def _checking() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(raise_for_status=True)


def _tar(files: Mapping[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return output.getvalue()
