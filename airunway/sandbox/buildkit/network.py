"""How a pretend daemon reaches servers: downloads, base images, pushes. It fails in the real one's words."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from airunway.sandbox.buildkit.layers import MANIFEST, Base, Image
from airunway.sandbox.pushed_images import basic_auth, digest_of

_INDEX = "application/vnd.oci.image.index.v1+json"
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


class Failure(Exception):
    """A build failed; the text is what the real daemon would say."""


class Network:
    """Registries as they are named in `registries`, or themselves."""

    def __init__(self, registries: Mapping[str, str]) -> None:
        self.registries = dict(registries)

    @asynccontextmanager
    async def download(self, url: str, authorization: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Whatever is answered: like the real daemon, it does not look at the status."""
        headers = {"Accept-Encoding": "identity"}
        if authorization:
            headers["Authorization"] = authorization
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(url, headers=headers) as answer,
            ):
                yield answer
        except aiohttp.ClientPayloadError as err:
            raise Failure("unexpected EOF") from err
        except aiohttp.ClientConnectorError as err:
            raise Failure(f'Get "{url}": dial tcp: connect: connection refused') from err
        except (aiohttp.ClientError, OSError) as err:
            raise Failure(f'Get "{url}": EOF') from err

    async def base(self, reference: str) -> Base:
        """Layers of a base image."""
        repository, version = _split(reference)
        async with self._registry(reference, None) as session:
            manifest = await self._document(session, f"{repository}/manifests/{version}", reference)
            if "manifests" in manifest:
                version = str(manifest["manifests"][0]["digest"])
                manifest = await self._document(session, f"{repository}/manifests/{version}", reference)
            digest = manifest["config"]["digest"]
            config = await self._document(session, f"{repository}/blobs/{digest}", reference)
        return Base(manifest["layers"], (config.get("rootfs") or {}).get("diff_ids") or [])

    async def push(self, image: Image, reference: str, login: tuple[str, str] | None) -> str:
        """Push what the registry does not have; answers the manifest's digest."""
        repository, version = _split(reference)
        try:
            async with self._registry(reference, login) as session:
                for blob in image.blobs:
                    await self._push_blob(session, repository, blob)
                url = f"{repository}/manifests/{version}"
                headers = {"Content-Type": MANIFEST}
                async with session.put(url, data=image.manifest, headers=headers) as answer:
                    _refuse_failure(answer)
        except Failure as err:
            raise Failure(f"failed to push {reference}: {err}") from err
        return digest_of(image.manifest)

    async def _push_blob(self, session: aiohttp.ClientSession, repository: str, blob: bytes) -> None:
        digest = digest_of(blob)
        async with session.head(f"{repository}/blobs/{digest}") as answer:
            if answer.status == 200:
                return
            if answer.status != 404:
                _refuse_failure(answer)
        async with session.post(f"{repository}/blobs/uploads/") as answer:
            _refuse_failure(answer)
            where = answer.url.join(URL(answer.headers["Location"])).update_query(digest=digest)
        async with session.put(where, data=io.BytesIO(blob)) as answer:
            _refuse_failure(answer)

    async def _document(self, session: aiohttp.ClientSession, path: str, reference: str) -> Mapping[str, Any]:
        async with session.get(path, headers={"Accept": f"{MANIFEST}, {_INDEX}"}) as answer:
            if answer.status == 404:
                raise Failure(f"failed to load cache key: {reference}: not found")
            _refuse_failure(answer)
            document: Mapping[str, Any] = json.loads(await answer.read())
            return document

    @asynccontextmanager
    async def _registry(
        self, reference: str, login: tuple[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientSession]:
        host = reference.partition("/")[0]
        base = self.registries.get(host) or self.registries.get("*") or f"http://{host}"
        headers = {"Authorization": basic_auth(*login)} if login is not None else {}
        try:
            async with aiohttp.ClientSession(f"{base}/v2/", timeout=_TIMEOUT, headers=headers) as session:
                yield session
        except aiohttp.ClientConnectorError as err:
            raise Failure(f"failed to do request: dial tcp {host}: connect: connection refused") from err
        except (aiohttp.ClientError, OSError) as err:
            raise Failure(f"failed to do request: {host}: EOF") from err


def last_modified(answer: aiohttp.ClientResponse) -> int:
    """When a download says it was changed, in seconds; 0 if it does not."""
    try:
        return int(parsedate_to_datetime(answer.headers.get("Last-Modified", "")).timestamp())
    except ValueError:
        return 0


def _split(reference: str) -> tuple[str, str]:
    """Repository without its host, and digest or tag."""
    name, _, digest = reference.partition("/")[2].partition("@")
    repository, _, tag = name.partition(":")
    return repository, digest or tag or "latest"


def _refuse_failure(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 300:
        said = f"{answer.status} {answer.reason}"
        raise Failure(f"unexpected status from {answer.method} request to {answer.url}: {said}")
