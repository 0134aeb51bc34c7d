"""An image of Docker Hub is named without its registry, and deployed with it once it is verified."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from airunway.messages.deployment import StatusRequest
from airunway.provider.registry import installed_providers
from airunway.sandbox.registry import PretendRegistry
from tests.activities.deployment_site import REF, DeploymentSite, render_request
from tests.activities.trust_site import REPOSITORY, TrustSite, reasons
from tests.trust.cosign import Signer, payload_of, push_signatures

VLLM = installed_providers()["vllm"]
VERIFIED = ["docker.io/vllm/*"]


@pytest_asyncio.fixture
async def trust(place: DeploymentSite) -> AsyncIterator[TrustSite]:
    async with PretendRegistry() as registry:
        site = TrustSite(place, registry, Signer())
        await site.trust(site.signer)
        yield site


async def test_an_image_named_without_its_registry_is_the_same_by_its_digest(trust: TrustSite) -> None:
    digest = trust.registry.digest(REPOSITORY, "cu130-nightly")
    payload = payload_of(digest)
    await push_signatures(trust.registry.host, REPOSITORY, digest, (payload, trust.signer.sign(payload)))
    made = await trust.place.deploy(provider={"name": "vllm"}, resources={"gpu": {"count": 1}})
    worker = trust.worker(provider=VLLM, verified=VERIFIED, images=["docker.io/vllm/*:cu130-*"])
    of_vllm = {"provider": "vllm"}

    first = await worker.provider.render(render_request(made).model_copy(update=of_vllm))
    assert first.image is not None and first.image.resolved == f"docker.io/{REPOSITORY}@{digest}"
    told = {"phase": "Deploying", "provider": {"name": "vllm"}, "image": first.image.dump()}
    await worker.core.write_status(StatusRequest(ref=REF, uid=made["metadata"]["uid"], status=told))
    seen = await trust.place.deployment()
    later = await worker.provider.render(render_request(seen).model_copy(update=of_vllm))

    assert seen["status"]["image"]["resolved"] == first.image.resolved
    assert (reasons(later), later.image) == (("", False), first.image)
