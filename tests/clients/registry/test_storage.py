"""The registry that built images are kept in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from airunway.clients.registry.credentials import Login, login_of_file, read_login
from airunway.clients.registry.errors import ImageBroken, RegistryDenied, RegistryUnavailable
from airunway.clients.registry.storage import ModelImageStorage, StoredModelImage
from airunway.sandbox.registry import PretendRegistry
from tests.clients.buildkit.world import MANIFEST
from tests.servers.registry import Registry

LAYER = b"layer" * 100


@pytest.fixture(params=["pretend", pytest.param("real", marks=pytest.mark.real)])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A registry of either kind."""
    if request.param == "real":
        registry: Registry = request.getfixturevalue("real_registry")
        yield registry.host
        return
    async with PretendRegistry() as pretend:
        yield pretend.host


async def push(host: str, repository: str, *, labels: dict[str, str], tag: str = "first") -> str:
    """Push a small image; answers its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}).encode()
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        parts = [await push_blob(session, host, repository, body) for body in (config, LAYER)]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **parts[0]},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **parts[1]}],
        }
        body = json.dumps(manifest).encode()
        url = f"http://{host}/v2/{repository}/manifests/{tag}"
        async with session.put(url, data=body, headers={"Content-Type": MANIFEST}):
            return f"sha256:{hashlib.sha256(body).hexdigest()}"


async def push_blob(
    session: aiohttp.ClientSession, host: str, repository: str, body: bytes
) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    async with session.post(f"http://{host}/v2/{repository}/blobs/uploads/") as begun:
        where = begun.url.join(aiohttp.client.URL(begun.headers["Location"]))
    async with session.put(where.update_query(digest=digest), data=body):
        return {"digest": digest, "size": len(body)}


async def found(store: ModelImageStorage, repository: str, version: str) -> StoredModelImage:
    image = await store.find(repository, version)
    assert image is not None
    return image


async def test_an_image_is_found_by_tag_and_digest_with_its_labels(host: str) -> None:
    digest = await push(host, "team/found", labels={"a": "1"})
    store = ModelImageStorage(host)

    by_tag, by_digest = await found(store, "team/found", "first"), await found(store, "team/found", digest)

    assert by_tag.digest == by_digest.digest == digest
    assert by_tag.labels == {"a": "1"}
    assert by_tag.layer_bytes == len(LAYER)
    assert await store.has_blobs(by_tag)


async def test_what_is_not_there_is_none(host: str) -> None:
    store = ModelImageStorage(host)
    await push(host, "team/some", labels={})

    assert await store.find("team/some", "other") is None
    assert await store.find("team/nothing", "first") is None
    assert await store.find("team/some", "sha256:" + "0" * 64) is None


async def test_a_tag_is_moved_without_moving_bytes(host: str) -> None:
    digest = await push(host, "team/moved", labels={})
    store = ModelImageStorage(host)

    await store.tag(await found(store, "team/moved", digest), "second")

    assert (await found(store, "team/moved", "second")).digest == digest


async def test_a_registry_that_is_away(closed_port: int) -> None:
    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        await ModelImageStorage(f"127.0.0.1:{closed_port}").find("a", "b")


async def test_a_login_is_used_where_it_is_asked_for(tmp_path: Path) -> None:
    async with PretendRegistry() as registry:
        await push(registry.host, "team/locked", labels={})
        registry.login = ("me", "secret")
        with pytest.raises(RegistryDenied, match="anonymous access"):
            await ModelImageStorage(registry.host).find("team/locked", "first")

        store = ModelImageStorage(registry.host, login=login(tmp_path, registry.host, "me:secret"))
        image = await found(store, "team/locked", "first")

        await store.tag(image, "second")
        wrong = ModelImageStorage(registry.host, login=login(tmp_path, registry.host, "me:wrong"))
        with pytest.raises(RegistryDenied, match="the login it was given") as raised:
            await wrong.find("team/locked", "first")
    assert "wrong" not in str(raised.value)


def login(folder: Path, host: str, text: str) -> Login:
    return login_of_file(login_file(folder, host, text), host)


def login_file(folder: Path, host: str, login: str) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps({"auths": {host: {"auth": base64.b64encode(login.encode()).decode()}}}))
    return file


def test_a_login_file_without_the_host_is_no_login(tmp_path: Path) -> None:
    assert read_login(login_file(tmp_path, "other.example.com", "me:secret"), "r.example.com") is None


@pytest.mark.parametrize("text", ["", "[]", '{"auths": {"r": {"auth": "%%"}}}', '{"auths": 1}'])
def test_a_login_file_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)

    with pytest.raises(RegistryDenied, match=r"config\.json"):
        read_login(file, "r")


async def test_documents_that_do_not_fit_their_digest_are_broken() -> None:
    async with PretendRegistry() as registry:
        digest = await push(registry.host, "team/broken", labels={})
        store = ModelImageStorage(registry.host)
        image = await found(store, "team/broken", digest)
        registry._pushed.blobs[json.loads(image.manifest)["config"]["digest"]] = b"{}"

        with pytest.raises(ImageBroken, match="another digest"):
            await store.find("team/broken", digest)
