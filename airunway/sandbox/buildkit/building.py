"""Carry out one pretend build: download and check, make files and layers, push."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.sandbox.buildkit import graph as llb
from airunway.sandbox.buildkit.cache import Cache, Record
from airunway.sandbox.buildkit.files import Entry, Files, applied
from airunway.sandbox.buildkit.layers import MANIFEST, Base, Image, image_of, layer_of
from airunway.sandbox.buildkit.network import Failure, Network, last_modified
from airunway.sandbox.buildkit.session import ClientSession
from airunway.sandbox.buildkit.status import Story, Vertex
from airunway.sandbox.pushed_images import digest_of

EXPORT = "exporting to image"
_IMAGE = "docker-image://"
_PIECE_BYTES = 64 * 1024
_SLOW_PIECES_A_SECOND = 10


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that runs, and what it works with."""

    cache: Cache
    network: Network
    story: Story
    session: ClientSession | None
    bytes_per_second: Callable[[], float]

    async def run(self, request: control.SolveRequest) -> Mapping[str, str]:
        """Build and push; answers what an exporter says. Raises Failure or llb.NotPretended."""
        graph = llb.read(request.Definition)
        made = await _together([self._made(graph, graph.steps[digest]) for digest in graph.layers()])
        if graph.merge:
            async with self.story.vertex(graph.merge.digest, graph.merge.name):
                pass
        bases = [part for part in made if isinstance(part, Base)]
        layers = [await asyncio.to_thread(layer_of, part) for part in made if not isinstance(part, Base)]
        return await self._export(request, bases[0] if bases else Base(), layers)

    async def _made(self, graph: llb.Graph, step: llb.BuildStep) -> Base | Files:
        if step.kind == "source" and step.operation.source.identifier.startswith(_IMAGE):
            return await self._base(step)
        return await self._files(graph, step)

    async def _files(self, graph: llb.Graph, step: llb.BuildStep) -> Files:
        if step.kind == "source":
            return await self._download(step)
        if step.kind != "file":
            raise llb.NotPretended(f"{step.name}: the pretend BuildKit does not know {step.kind} here")
        inputs = [await self._files(graph, graph.steps[wanted]) for wanted in step.inputs]
        async with self.story.vertex(step.digest, step.name):
            try:
                return applied(step.operation.file, inputs, now=int(time.time()))
            except ValueError as err:
                raise Failure(str(err)) from err

    async def _base(self, step: llb.BuildStep) -> Base:
        async with self.story.vertex(step.digest, step.name):
            return await self.network.base(step.operation.source.identifier.removeprefix(_IMAGE))

    # -- downloads ----------------------------------------------------------------------------------------

    async def _download(self, step: llb.BuildStep) -> Files:
        """A file system with just the file."""
        if not step.operation.source.identifier.startswith(("http://", "https://")):
            raise llb.NotPretended(f"{step.name}: the pretend BuildKit has only downloads, and images below")
        async with self.story.vertex(step.digest, step.name):
            pass  # the real daemon asks for the cache key first, and reports that as if it were the work
        record = await self._downloaded(step)
        name = step.operation.source.attrs.get("http.filename") or "download"
        return {f"/{name}": Entry(record.date, content=bytes(record.content))}

    async def _downloaded(self, step: llb.BuildStep) -> Record:
        attributes = step.operation.source.attrs
        checksum = attributes.get("http.checksum", "")
        decisive = ("http.checksum", "http.filename", "http.authheadersecret")
        key = " ".join(attributes.get(name, "") for name in decisive)
        kept = self.cache.find(key) if checksum else None
        async with self.story.vertex(step.digest, step.name, cached=kept is not None) as vertex:
            if kept is not None:
                return kept
            url = step.operation.source.identifier
            authorization = await self._authorization(attributes.get("http.authheadersecret", ""))
            # As with the real daemon, what came of a download is kept, whole or not, right or wrong.
            record = self.cache.begin(f"http url {url}")
            try:
                await self._fill(record, url, authorization, vertex)
            finally:
                record.in_use = False
            digest = digest_of(record.content)
            if checksum and digest != checksum:
                raise Failure(f"digest mismatch {digest}: {checksum}")
            record.key = key
            return record

    async def _fill(self, record: Record, url: str, authorization: str, vertex: Vertex) -> None:
        async with self.network.download(url, authorization) as answer:
            record.date = last_modified(answer)
            limit = self.bytes_per_second()
            piece_bytes = max(1, int(limit / _SLOW_PIECES_A_SECOND)) if limit else _PIECE_BYTES
            while piece := await answer.content.read(min(piece_bytes, _PIECE_BYTES)):
                record.content += piece
                vertex.count("downloading", current=len(record.content))
                if limit:
                    await asyncio.sleep(len(piece) / limit)
            vertex.count("downloading", current=len(record.content), completed=True)

    async def _authorization(self, secret: str) -> str:
        if not secret:
            return ""
        try:
            if self.session is None:
                raise KeyError(secret)
            return (await self.session.secret(secret)).decode()
        except KeyError as err:
            raise Failure(f"failed to retrieve HTTP auth secret {secret}: not found") from err

    # -- export -------------------------------------------------------------------------------------------

    async def _export(
        self, request: control.SolveRequest, base: Base, layers: Sequence[bytes]
    ) -> Mapping[str, str]:
        attributes = request.Exporters[0].Attrs
        name = attributes["name"]
        digest = f"sha256:{hashlib.sha256(request.Ref.encode()).hexdigest()}"
        async with self.story.vertex(digest, EXPORT) as vertex:
            vertex.count("exporting layers")
            config = json.loads(attributes.get("containerimage.config") or "{}")
            image = await asyncio.to_thread(image_of, config, base, layers)
            vertex.count("exporting layers", completed=True)
            if attributes.get("push") == "true":
                vertex.count("pushing layers")
                login = await self.session.login(name.partition("/")[0]) if self.session else None
                await self.network.push(image, name, login)
                vertex.count("pushing layers", completed=True)
        return _answer(name, image)


async def _together(parts: Sequence[Coroutine[Any, Any, Base | Files]]) -> Sequence[Base | Files]:
    """Everything at once, in order; the first failure ends the others."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _answer(name: str, image: Image) -> Mapping[str, str]:
    digest = digest_of(image.manifest)
    descriptor = {"mediaType": MANIFEST, "digest": digest, "size": len(image.manifest)}
    return {
        "containerimage.digest": digest,
        "containerimage.config.digest": digest_of(image.config),
        "containerimage.descriptor": base64.b64encode(json.dumps(descriptor).encode()).decode(),
        "image.name": name,
    }
