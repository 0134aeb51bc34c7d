"""Signatures as they are kept beside an image: read with bounds, and put there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.errors import RegistryDenied, RegistryUnavailable
from airunway.clients.registry.signatures import MAX_SIGNATURES, StoredSignature
from airunway.clients.registry.storage import ModelImageStorage
from airunway.sandbox.registry import PretendRegistry
from tests.clients.registry.server import MANIFEST, RegistryServer, digest_of, registry_server
from tests.servers.registry import Registry
from tests.trust.cosign import (
    BUNDLE,
    IN_TOTO,
    SIGN,
    Signer,
    bundle_layer,
    bundle_of,
    layer_of,
    manifest_of,
    payload_of,
    push_image,
    push_signatures,
    statement_of,
    tag_of,
)

IMAGE = "registry.example.com/team/model"
DIGEST = "sha256:" + "a" * 64
PAYLOAD = payload_of(DIGEST)
REFERRER = "application/vnd.dev.cosign.artifact.sig.v1+json"


@pytest.fixture
async def registry() -> AsyncIterator[RegistryServer]:
    async with registry_server() as running:
        yield running


def client(registry: RegistryServer) -> RegistryClient:
    return RegistryClient(mirrors={"registry.example.com": registry.url})


def blob(registry: RegistryServer, content: bytes) -> None:
    registry.contents[digest_of(content)] = (content, "application/octet-stream")


async def test_an_image_without_signatures_has_none(registry: RegistryServer) -> None:
    assert await client(registry).signatures(IMAGE, DIGEST) == []


async def test_signatures_are_found_by_the_tag_of_the_digest(registry: RegistryServer) -> None:
    blob(registry, PAYLOAD)
    registry.add(
        manifest_of(layer_of(PAYLOAD, "one"), layer_of(PAYLOAD, "two")), MANIFEST, tag=tag_of(DIGEST)
    )

    found = await client(registry).signatures(IMAGE, DIGEST)

    assert found == [StoredSignature(PAYLOAD, "one"), StoredSignature(PAYLOAD, "two")]


async def test_signatures_are_found_among_the_referrers(registry: RegistryServer) -> None:
    blob(registry, PAYLOAD)
    signed = registry.add(manifest_of(layer_of(PAYLOAD, "one")), MANIFEST)
    entries = [{"digest": signed, "artifactType": REFERRER}, {"digest": DIGEST, "artifactType": "sbom"}]
    registry.add({"manifests": entries}, "index", tag=DIGEST)

    assert await client(registry).signatures(IMAGE, DIGEST) == [StoredSignature(PAYLOAD, "one")]


def refer(registry: RegistryServer, *bundles: bytes, tag: str = DIGEST, **annotations: str) -> None:
    """Bundles among the image's referrers, or under the tag that stands in for a list of them."""
    entries = []
    for bundle in bundles:
        blob(registry, bundle)
        signed = registry.add(manifest_of(bundle_layer(bundle), artifactType=BUNDLE), MANIFEST)
        entries.append({"digest": signed, "artifactType": BUNDLE, "annotations": annotations})
    registry.add({"manifests": entries}, "index", tag=tag)


@pytest.mark.parametrize("tag", [DIGEST, DIGEST.replace(":", "-")], ids=["listed", "by the tag of a list"])
async def test_bundles_of_cosign_3_are_found(registry: RegistryServer, tag: str) -> None:
    bundle = bundle_of(statement_of(DIGEST), Signer())
    refer(registry, bundle, tag=tag)

    (found,) = await client(registry).signatures(IMAGE, DIGEST)

    assert (found.payload, found.payload_type) == (statement_of(DIGEST), IN_TOTO)
    assert found.signature in bundle.decode()


async def test_a_bundle_that_says_it_is_something_else_costs_no_request(registry: RegistryServer) -> None:
    bundle = bundle_of(statement_of(DIGEST), Signer())
    said = {"dev.sigstore.bundle.predicateType": "https://cyclonedx.org/bom"}
    refer(registry, bundle, **said)

    assert await client(registry).signatures(IMAGE, DIGEST) == []
    assert not [path for path in registry.requests if digest_of(bundle) in path]
    refer(registry, bundle, **{"dev.sigstore.bundle.predicateType": SIGN})
    assert len(await client(registry).signatures(IMAGE, DIGEST)) == 1


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"messageSignature": {}}',
        b'{"dsseEnvelope": null}',
        b'{"dsseEnvelope": []}',
        bundle_of(b"x", Signer(), payload="no base64!"),
        bundle_of(b"x", Signer(), payload=5),
        bundle_of(b"x", Signer(), payloadType=""),
        bundle_of(b"x", Signer(), payloadType="\ud800"),
        bundle_of(b"x", Signer(), signatures=[]),
        bundle_of(b"x", Signer(), signatures={"sig": "x"}),
        bundle_of(b"x", Signer(), signatures=["x"]),
        bundle_of(b"x" * 100_000, Signer()),
        bundle_of(b"x" * 400_000, Signer()),
    ],
)
async def test_a_damaged_bundle_is_left_out(registry: RegistryServer, bundle: bytes) -> None:
    refer(registry, bundle, bundle_of(statement_of(DIGEST), Signer()))

    (found,) = await client(registry).signatures(IMAGE, DIGEST)

    assert found.payload == statement_of(DIGEST)


async def test_of_an_envelope_with_many_signatures_a_few_are_read(registry: RegistryServer) -> None:
    refer(registry, bundle_of(b"x", Signer(), signatures=[{"sig": str(number)} for number in range(500)]))

    assert len(await client(registry).signatures(IMAGE, DIGEST)) == 4


@pytest.mark.parametrize(
    "layer",
    [
        {"mediaType": "text/plain"},
        {"annotations": {}},
        {"annotations": {"dev.cosignproject.cosign/signature": 1}},
        {"size": "many"},
        {"size": 10**9},
        {"digest": "sha256:short"},
        {"digest": "../../../secret"},
    ],
)
async def test_a_damaged_entry_is_left_out(registry: RegistryServer, layer: dict[str, object]) -> None:
    blob(registry, PAYLOAD)
    damaged = layer_of(PAYLOAD, "one", **layer)
    registry.add(manifest_of(damaged, layer_of(PAYLOAD, "good")), MANIFEST, tag=tag_of(DIGEST))

    assert await client(registry).signatures(IMAGE, DIGEST) == [StoredSignature(PAYLOAD, "good")]


async def test_content_that_is_not_what_its_digest_says_is_left_out(registry: RegistryServer) -> None:
    registry.contents[digest_of(PAYLOAD)] = (b"something else", "application/octet-stream")
    registry.add(manifest_of(layer_of(PAYLOAD, "one")), MANIFEST, tag=tag_of(DIGEST))

    assert await client(registry).signatures(IMAGE, DIGEST) == []


async def test_no_more_are_read_than_there_may_be(registry: RegistryServer) -> None:
    blob(registry, PAYLOAD)
    layers = [layer_of(PAYLOAD, str(number)) for number in range(500)]
    registry.add(manifest_of(*layers), MANIFEST, tag=tag_of(DIGEST))

    assert len(await client(registry).signatures(IMAGE, DIGEST)) == MAX_SIGNATURES


async def test_a_huge_answer_is_not_read_to_its_end(registry: RegistryServer) -> None:
    registry.contents[digest_of(PAYLOAD)] = (bytes(10_000_000), "application/octet-stream")
    registry.add(manifest_of(layer_of(PAYLOAD, "one")), MANIFEST, tag=tag_of(DIGEST))

    with pytest.raises(RegistryUnavailable, match="more than 65536 bytes"):
        await client(registry).signatures(IMAGE, DIGEST)


@pytest.mark.parametrize("target", ["http://169.254.169.254/secret", "https://10.0.0.1/", "https://a.svc/"])
async def test_a_redirect_to_inside_is_refused(registry: RegistryServer, target: str) -> None:
    registry.redirect_blobs_to = target
    registry.add(manifest_of(layer_of(PAYLOAD, "one")), MANIFEST, tag=tag_of(DIGEST))

    with pytest.raises(RegistryDenied, match=r"is not asked|inside the network"):
        await client(registry).signatures(IMAGE, DIGEST)


async def test_a_registry_that_fails_is_not_taken_for_one_without_signatures(
    registry: RegistryServer,
) -> None:
    registry.faults.append(web.Response(status=503))

    with pytest.raises(RegistryUnavailable):
        await client(registry).signatures(IMAGE, DIGEST)


async def test_a_registry_that_is_not_on_the_list_is_not_asked() -> None:
    with pytest.raises(RegistryDenied, match="not a registry that may be asked"):
        await RegistryClient().signatures("evil.example.com/a:1", DIGEST)


# -- put there ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["pretend", pytest.param("real", marks=pytest.mark.real)])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A registry of either kind."""
    if request.param == "real":
        running: Registry = request.getfixturevalue("real_registry")
        yield running.host
        return
    async with PretendRegistry() as pretend:
        yield pretend.host


async def test_a_signature_is_kept_beside_those_of_others(host: str) -> None:
    storage = ModelImageStorage(host)
    digest = await push_image(host, "signed/model", tag="v1")
    theirs, ours = payload_of(digest), payload_of(digest, identity={"docker-reference": "ours"})
    await push_signatures(host, "signed/model", digest, (theirs, "their signature"))

    await storage.add_signature("signed/model", digest, StoredSignature(ours, "our signature"))

    assert await storage.signatures("signed/model", digest) == [
        StoredSignature(theirs, "their signature"),
        StoredSignature(ours, "our signature"),
    ]
