"""What is built here is signed as cosign does it, once; an image without that counts as not there."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import aiohttp
import pytest
from temporalio.exceptions import ApplicationError

from airunway.activities.trust.image_signer import ImageSigner
from airunway.clients.kubernetes import SECRETS
from airunway.clients.registry.storage import ModelImageStorage
from tests.activities.image_shop import Shop
from tests.trust.cosign import SIGNATURE, SIMPLE_SIGNING, Signer, tag_of

FIXTURES = Path(__file__).parent.parent / "trust" / "fixtures"
KEY = "airunway-signing-key"


async def keep_key(shop: Shop, content: bytes, password: str = "") -> None:
    data = {
        "cosign.key": base64.b64encode(content).decode(),
        "cosign.password": base64.b64encode(password.encode()).decode(),
    }
    await shop.cluster.create(SECRETS, {"metadata": {"name": KEY}, "data": data}, namespace="default")


def signing(shop: Shop) -> None:
    """Have what is published from now on signed."""
    shop.signer = ImageSigner(
        shop.cluster,
        ModelImageStorage(shop.registry.host),
        namespace="default",
        secret=KEY,
        pull_host_of=lambda _: "localhost:30500",
    )


async def manifest_of_signatures(shop: Shop, name: str, digest: str) -> dict[str, object]:
    url = f"http://{shop.registry.host}/v2/{name}/manifests/{tag_of(digest)}"
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as response:
        found: dict[str, object] = json.loads(await response.read())
        return found


async def blob(shop: Shop, name: str, digest: str) -> bytes:
    url = f"http://{shop.registry.host}/v2/{name}/blobs/{digest}"
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as response:
        return await response.read()


async def test_a_published_image_is_signed_as_cosign_does_it(shop: Shop) -> None:
    signer = Signer()
    await keep_key(shop, signer.private())
    signing(shop)
    plan = await shop.plan()
    digest = await shop.build(plan)

    await shop.publish(plan, digest)

    manifest = await manifest_of_signatures(shop, plan.name, digest)
    (layer,) = manifest["layers"]  # type: ignore[misc]
    payload = await blob(shop, plan.name, layer["digest"])
    assert layer["mediaType"] == SIMPLE_SIGNING
    assert json.loads(payload)["critical"]["image"] == {"docker-manifest-digest": digest}
    signer.verify(payload, layer["annotations"][SIGNATURE])


async def test_it_is_signed_once(shop: Shop) -> None:
    await keep_key(shop, Signer().private(b"word"), "word")
    signing(shop)
    plan = await shop.plan()
    digest = await shop.build(plan)
    await shop.publish(plan, digest)
    before = await manifest_of_signatures(shop, plan.name, digest)

    await shop.publish(plan, digest)  # its answer was lost

    assert await manifest_of_signatures(shop, plan.name, digest) == before


async def test_an_image_that_somebody_else_put_there_counts_as_not_there(shop: Shop) -> None:
    plan = await shop.plan()
    digest = await shop.build(plan)
    await shop.publish(plan, digest)
    assert await shop.found(plan)
    await keep_key(shop, (FIXTURES / "cosign.key").read_bytes(), "correct horse")

    signing(shop)

    assert await shop.found(plan) == ""
    await shop.publish(plan, digest)
    assert await shop.found(plan)


async def test_without_its_key_nothing_is_given_out(shop: Shop) -> None:
    plan = await shop.plan()
    digest = await shop.build(plan)
    signing(shop)

    with pytest.raises(ApplicationError) as raised:
        await shop.publish(plan, digest)

    assert raised.value.type == "NotSigned"
    assert not raised.value.non_retryable
    assert f"Secret default/{KEY} (AIRUNWAY_SIGNING_KEY) cannot be read" in str(raised.value)


async def test_a_key_that_is_none_is_told_without_it(shop: Shop) -> None:
    await keep_key(shop, b"hunter2")
    plan = await shop.plan()
    digest = await shop.build(plan)
    signing(shop)

    with pytest.raises(ApplicationError) as raised:
        await shop.publish(plan, digest)

    assert "cosign.key is no private key" in str(raised.value)
    assert "hunter2" not in str(raised.value)
