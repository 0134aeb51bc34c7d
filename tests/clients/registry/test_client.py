"""Resolving a tag at a registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web

from airunway.clients.registry.client import RegistryClient, ResolvedReference
from airunway.clients.registry.errors import ImageNotFound, RegistryDenied, RegistryUnavailable
from tests.clients.registry.server import INDEX, RegistryServer, digest_of, registry_server

IMAGE = "registry.example.com/team/model:v1"
CONFIG = {
    "created": "2026-03-01T12:00:00.123456789+02:00",
    "config": {"Labels": {"org.opencontainers.image.revision": "abc123"}},
}


@pytest.fixture
async def registry() -> AsyncIterator[RegistryServer]:
    async with registry_server() as running:
        yield running


def client(registry: RegistryServer) -> RegistryClient:
    return RegistryClient(mirrors={"registry.example.com": registry.url})


async def test_a_tag_resolves_to_the_digest_of_its_index(registry: RegistryServer) -> None:
    arm = registry.add_image({"created": "2020-01-01T00:00:00Z"}, platform="linux/arm64")
    amd = registry.add_image(CONFIG, platform="linux/amd64")
    digest = registry.add({"mediaType": INDEX, "manifests": [arm, amd]}, INDEX, tag="v1")

    resolved = await client(registry).resolve(IMAGE)

    assert resolved == ResolvedReference(digest=digest, created_at="2026-03-01T10:00:00Z", revision="abc123")


async def test_an_anonymous_token_is_fetched_once(registry: RegistryServer) -> None:
    registry.token = "t0"
    entry = registry.add_image(CONFIG, tag="v1")

    resolved = await client(registry).resolve(IMAGE)

    assert resolved.digest == entry["digest"]
    assert registry.requests.count("GET /token") == 1


async def test_without_a_digest_header_the_content_is_hashed(registry: RegistryServer) -> None:
    registry.names_digest = False
    registry.add_image(CONFIG, tag="v1")

    resolved = await client(registry).resolve(IMAGE)

    assert resolved.digest == digest_of(registry.contents["v1"][0])


async def test_the_time_may_stand_in_a_label(registry: RegistryServer) -> None:
    registry.add_image({"config": {"Labels": {"org.opencontainers.image.created": "2026-01-02"}}}, tag="v1")

    resolved = await client(registry).resolve(IMAGE)

    assert resolved.created_at == "2026-01-02"


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param({"config": {"digest": "sha256:missing"}}, id="no such config"),
        pytest.param({"config": "odd"}, id="a config of another shape"),
        pytest.param({"manifests": [{"platform": {"os": "windows"}}]}, id="no linux/amd64"),
        pytest.param({}, id="nothing in it"),
    ],
)
async def test_an_unreadable_config_does_not_matter(
    registry: RegistryServer, manifest: dict[str, object]
) -> None:
    digest = registry.add(manifest, INDEX, tag="v1")

    assert await client(registry).resolve(IMAGE) == ResolvedReference(digest=digest)


async def test_a_missing_tag_is_final(registry: RegistryServer) -> None:
    with pytest.raises(ImageNotFound) as caught:
        await client(registry).resolve(IMAGE)

    assert not caught.value.retryable
    assert IMAGE in str(caught.value)


async def test_a_private_repository_is_final(registry: RegistryServer) -> None:
    registry.faults = [web.Response(status=403)]

    with pytest.raises(RegistryDenied) as caught:
        await client(registry).resolve(IMAGE)

    assert not caught.value.retryable


async def test_a_token_that_is_not_accepted_is_final(registry: RegistryServer) -> None:
    registry.token = "t0"
    refusal = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token"'}
    registry.faults = [web.Response(status=401, headers=refusal) for _ in range(2)]

    with pytest.raises(RegistryDenied):
        await client(registry).resolve(IMAGE)


async def test_a_challenge_of_one_long_word_holds_nobody_up(registry: RegistryServer) -> None:
    registry.faults = [web.Response(status=401, headers={"WWW-Authenticate": "Bearer " + "a" * 8_000})]

    with pytest.raises(RegistryDenied):
        await client(registry).resolve(IMAGE)


async def test_an_overloaded_registry_says_when_to_come_back(registry: RegistryServer) -> None:
    registry.faults = [web.Response(status=429, headers={"Retry-After": "7"})]

    with pytest.raises(RegistryUnavailable) as caught:
        await client(registry).resolve(IMAGE)

    assert caught.value.retryable
    assert caught.value.retry_after == 7


async def test_a_registry_that_is_down_may_come_back() -> None:
    async with registry_server() as registry:
        gone = client(registry)

    with pytest.raises(RegistryUnavailable):
        await gone.resolve(IMAGE)


async def test_a_registry_that_does_not_answer_is_given_up(registry: RegistryServer) -> None:
    hasty = RegistryClient(
        mirrors={"registry.example.com": registry.url}, call_timeout=timedelta(microseconds=1)
    )

    with pytest.raises(RegistryUnavailable):
        await hasty.resolve(IMAGE)


@pytest.mark.parametrize(
    "realm",
    [
        pytest.param("http://169.254.169.254/token", id="cloud metadata"),
        pytest.param("https://evil.example.net/token", id="another domain"),
        pytest.param("http://registry.example.com/token", id="plain HTTP"),
        pytest.param("", id="nowhere"),
    ],
)
async def test_a_token_is_not_fetched_anywhere(registry: RegistryServer, realm: str) -> None:
    registry.token = "t0"
    registry.realm = realm or "/"

    with pytest.raises(RegistryDenied):
        await client(registry).resolve(IMAGE)


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1/x", "https://10.0.0.1/x", "https://kube.svc/x", "https://[::1]/x"]
)
async def test_a_redirect_into_the_cluster_is_not_followed(registry: RegistryServer, address: str) -> None:
    entry = registry.add_image(CONFIG, tag="v1")
    registry.redirect_blobs_to = address

    resolved = await client(registry).resolve(IMAGE)

    assert resolved == ResolvedReference(digest=entry["digest"])


async def test_a_redirect_without_end_is_given_up(registry: RegistryServer) -> None:
    again = {"Location": "/v2/team/model/manifests/v1"}
    registry.faults = [web.Response(status=302, headers=again) for _ in range(9)]

    with pytest.raises(RegistryUnavailable):
        await client(registry).resolve(IMAGE)


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("10.0.0.1:5000/a:1", id="a private address"),
        pytest.param("localhost:5000/a:1", id="this machine"),
        pytest.param("kube-api.svc/a:1", id="a Service"),
        pytest.param("evil.example.net/a:1", id="a host that is not listed"),
    ],
)
async def test_hosts_that_are_not_listed_are_not_asked(reference: str) -> None:
    with pytest.raises(RegistryDenied):
        await RegistryClient().resolve(reference)


@pytest.mark.parametrize(
    "reference", ["10.0.0.1:5000/a:1", "localhost:5000/a:1", "kube-api.svc/a:1", "127.0.0.1/a:1"]
)
async def test_every_host_means_every_public_host(reference: str) -> None:
    with pytest.raises(RegistryDenied):
        await RegistryClient(allowed_hosts=["*", "*.svc"]).resolve(reference)


async def test_a_listed_host_may_be_inside(registry: RegistryServer) -> None:
    entry = registry.add_image(CONFIG, tag="v1")
    host = registry.url.removeprefix("http://")

    resolved = await RegistryClient(allowed_hosts=[host]).resolve(f"{host}/team/model:v1")

    assert resolved.digest == entry["digest"]


@pytest.mark.parametrize("reference", ["", "UPPER/x:1", "a b:1", "x@sha256:1", "x:bad/tag:!", "ghcr.io/:1"])
async def test_what_is_no_tagged_reference_is_not_found(reference: str) -> None:
    with pytest.raises(ImageNotFound):
        await RegistryClient().resolve(reference)


@pytest.mark.parametrize("base", ["http://mirror.example.com", "ftp://127.0.0.1", "mirror"])
def test_a_mirror_must_be_https_or_local(base: str) -> None:
    with pytest.raises(ValueError, match="mirror of docker"):
        RegistryClient(mirrors={"docker.io": base})
