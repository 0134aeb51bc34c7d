"""The pretend registry answers a digest look-up as a real one does."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.errors import ImageNotFound
from airunway.sandbox.pushed_images import digest_of
from airunway.sandbox.registry import PretendRegistry


async def test_a_tag_gets_its_digest_time_and_revision() -> None:
    async with PretendRegistry() as registry:
        found = await _registries(registry).resolve("vllm/vllm-openai:latest")

        assert found.digest == registry.digest("vllm/vllm-openai", "latest")
        assert found.created_at
        assert found.revision


async def test_a_tag_that_moved_has_another_digest() -> None:
    async with PretendRegistry() as registry:
        before = await _registries(registry).resolve("vllm/vllm-openai:nightly")

        registry.move("vllm/vllm-openai", "nightly")

        assert (await _registries(registry).resolve("vllm/vllm-openai:nightly")).digest != before.digest


async def test_an_unknown_tag_is_not_found() -> None:
    async with PretendRegistry() as registry:
        with pytest.raises(ImageNotFound):
            await _registries(registry).resolve("vllm/vllm-openai:no-such")


def _registries(registry: PretendRegistry) -> RegistryClient:
    return RegistryClient(mirrors={"docker.io": registry.url})


async def test_what_was_pushed_is_there_after_a_restart(tmp_path: Path) -> None:
    async with PretendRegistry(folder=tmp_path) as registry:
        digest = await _push(registry, b"layer")

    async with PretendRegistry(folder=tmp_path) as registry, aiohttp.ClientSession() as session:
        assert registry.digest("team/x", "1") == digest
        async with session.get(f"{registry.url}/v2/team/x/tags/list") as answer:
            assert await answer.json() == {"name": "team/x", "tags": ["1"]}


async def test_an_upload_whose_digest_is_another_is_refused() -> None:
    async with PretendRegistry() as registry, aiohttp.ClientSession() as session:
        url = f"{registry.url}/v2/team/x/blobs/uploads/?digest=sha256:{'0' * 64}"
        async with session.post(url, data=b"layer") as answer:
            assert answer.status == 400


async def test_a_manifest_whose_layers_were_not_pushed_is_refused() -> None:
    manifest = {"config": {"digest": digest_of(b"none")}, "layers": []}
    async with PretendRegistry() as registry, aiohttp.ClientSession() as session:
        answer = await session.put(f"{registry.url}/v2/team/x/manifests/1", json=manifest)

        assert answer.status == 404
        answer.release()


async def test_a_deleted_image_is_gone_by_tag_and_by_digest() -> None:
    async with PretendRegistry() as registry, aiohttp.ClientSession() as session:
        digest = await _push(registry, b"layer")
        async with session.delete(f"{registry.url}/v2/team/x/manifests/{digest}") as answer:
            assert answer.status == 202

        for reference in ("1", digest):
            async with session.head(f"{registry.url}/v2/team/x/manifests/{reference}") as answer:
                assert answer.status == 404


async def _push(registry: PretendRegistry, layer: bytes) -> str:
    """Push an image with one layer as `team/x:1`, the layer in two pieces; its digest."""
    base = f"{registry.url}/v2/team/x"
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.post(f"{base}/blobs/uploads/?digest={digest_of(b'{}')}", data=b"{}"):
            pass
        async with session.post(f"{base}/blobs/uploads/") as begun:
            upload = registry.url + begun.headers["Location"]
        async with session.patch(upload, data=layer[:2]):
            pass
        async with session.put(f"{upload}?digest={digest_of(layer)}", data=layer[2:]):
            pass
        manifest = {"config": {"digest": digest_of(b"{}")}, "layers": [{"digest": digest_of(layer)}]}
        async with session.put(f"{base}/manifests/1", json=manifest) as put:
            return put.headers["Docker-Content-Digest"]


async def test_changes_want_the_login_where_reading_does_not() -> None:
    async with PretendRegistry() as registry, aiohttp.ClientSession() as session:
        await _push(registry, b"layer")
        registry.login, registry.anonymous_reads = ("me", "secret"), True
        manifest = f"{registry.url}/v2/team/x/manifests/1"

        async with session.get(manifest) as answer:
            assert answer.status == 200
        for method, url in (
            ("PUT", manifest),
            ("DELETE", manifest),
            ("POST", f"{registry.url}/v2/team/x/blobs/uploads/"),
            ("PATCH", f"{registry.url}/v2/team/x/blobs/uploads/1"),
        ):
            async with session.request(method, url, data=b"{}") as answer:
                assert answer.status == 401, method
