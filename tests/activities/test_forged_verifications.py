"""A status calls an image verified only where the gate that judges images does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from airunway.activities.trust.image_gate import VerifiedImage
from airunway.activities.trust.rendered_trust import RenderedTrust
from airunway.api.status import ServingImageStatus
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import StatusRequest
from airunway.messages.upstream import RenderAnswer, RenderRequest
from airunway.sandbox.registry import PretendRegistry
from tests.activities.deployment_site import REF, DeploymentSite, Worker, render_request
from tests.activities.trust_site import IMAGE, REPOSITORY, TrustSite
from tests.trust.cosign import Signer, payload_of, push_image, push_signatures

VERIFIED = ["docker.io/vllm/*"]
OF_ACME = {"name": "acme", "resourceName": "chat", "resourceKind": "Deployment"}


@pytest_asyncio.fixture
async def trust(place: DeploymentSite) -> AsyncIterator[TrustSite]:
    """A signed image at the tag, and one that nobody signed beside it."""
    async with PretendRegistry() as registry:
        site = TrustSite(place, registry, Signer())
        await site.trust(site.signer)
        digest = registry.digest(REPOSITORY, "v0.12.0")
        payload = payload_of(digest)
        await push_signatures(registry.host, REPOSITORY, digest, (payload, site.signer.sign(payload)))
        yield site


def signed(trust: TrustSite) -> str:
    return f"docker.io/{REPOSITORY}@{trust.registry.digest(REPOSITORY, 'v0.12.0')}"


async def unsigned(trust: TrustSite) -> str:
    digest = await push_image(trust.registry.host, REPOSITORY, tag="other", created="2020")
    return f"docker.io/{REPOSITORY}@{digest}"


def by_condition(message: str) -> dict[str, Any]:
    entry = {"type": "ImageVerified", "status": "True", "reason": "SignatureVerified", "message": message}
    return {"conditions": [{**entry, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}


def by_image(pinned: str, words: str) -> dict[str, Any]:
    digest = pinned.partition("@")[2]
    image = {"requested": f"{REPOSITORY}:v0.12.0", "resolved": pinned, "digest": digest}
    return {"image": {**image, "verified": True, "verificationMessage": words}}


def as_rendered(answer: RenderAnswer) -> dict[str, Any]:
    said = [entry.dump() for entry in answer.conditions if entry.type == "ImageVerified"]
    return {"conditions": [{**entry, "lastTransitionTime": "2026-01-01T00:00:00Z"} for entry in said]}


async def write(worker: Worker, made: Object, **status: Any) -> None:
    told = {"phase": "Deploying", "provider": OF_ACME, **status}
    await worker.core.write_status(StatusRequest(ref=REF, uid=made["metadata"]["uid"], status=told))


async def refusal(worker: Worker, made: Object, **status: Any) -> str:
    with pytest.raises(ApplicationError) as refused:
        await write(worker, made, **status)
    assert (refused.value.type, refused.value.non_retryable) == ("NotAsOwned", True)
    return refused.value.message


async def test_what_was_rendered_is_written_and_the_registry_is_not_asked_again(trust: TrustSite) -> None:
    made, worker = await trust.place.deploy(), trust.worker(verified=VERIFIED)
    rendered, _ = await worker.apply(render_request(made))
    trust.registry.requests.clear()

    await write(worker, made, **as_rendered(rendered))

    assert trust.registry.requests == []
    (said,) = (await trust.place.deployment())["status"]["conditions"]
    assert (said["status"], said["message"]) == ("True", f"signed: {signed(trust)} by 0.pub")


async def test_another_process_writes_what_was_rendered(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    rendered, _ = await trust.worker(verified=VERIFIED).apply(render_request(made))

    await write(trust.worker(verified=VERIFIED), made, **as_rendered(rendered))
    await write(trust.worker(verified=VERIFIED), made, **by_image(signed(trust), "signed by 0.pub"))

    assert (await trust.place.deployment())["status"]["image"]["verified"] is True


async def test_an_image_that_nobody_signed_is_not_verified(trust: TrustSite) -> None:
    made, worker = await trust.place.deploy(), trust.worker(verified=VERIFIED)
    forged = await unsigned(trust)

    words = await refusal(worker, made, **by_condition(f"signed: {forged} by 0.pub"))
    beside = await refusal(
        worker, made, **by_condition(f"signed: {signed(trust)} by 0.pub, {forged} by 0.pub")
    )
    of_image = await refusal(worker, made, **by_image(forged, "signed by 0.pub"))

    assert all("it has no signature" in said for said in (words, beside, of_image))
    assert await trust.place.deployment() == made


async def test_nor_is_one_by_a_key_that_did_not_sign_it(trust: TrustSite) -> None:
    made, worker = await trust.place.deploy(), trust.worker(verified=VERIFIED)

    words = await refusal(worker, made, **by_condition(f"signed: {signed(trust)} by bank.pub"))

    assert "by a key that counts" in words


@pytest.mark.parametrize("message", ["", "all is well", f"signed: {REPOSITORY}:v0.12.0 by 0.pub"])
async def test_nor_is_what_names_no_image_by_its_digest(trust: TrustSite, message: str) -> None:
    made, worker = await trust.place.deploy(), trust.worker(verified=VERIFIED)

    await refusal(worker, made, **by_condition(message))

    assert await trust.place.deployment() == made


async def test_nor_is_anything_where_no_policy_asks(trust: TrustSite) -> None:
    made, worker = await trust.place.deploy(), trust.worker()

    words = await refusal(worker, made, **by_condition(f"signed: {signed(trust)} by 0.pub"))

    assert "no policy asks" in words


async def test_what_was_said_before_needs_no_evidence(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    said = by_condition(f"signed: {signed(trust)} by 0.pub")
    await write(trust.worker(verified=VERIFIED), made, **said)

    await write(trust.worker(), made, **said, message="the policy is another one now")

    assert (await trust.place.deployment())["status"]["message"] == "the policy is another one now"


def test_of_what_is_kept_only_what_was_verified_again_is_said_to_be() -> None:
    kept = ServingImageStatus(
        requested=IMAGE, resolved=IMAGE, verified=True, verification_message="signed by a"
    )
    request = RenderRequest(ref=REF, uid="u", generation=1, provider="acme", engine="vllm")
    judged, unjudged = RenderedTrust(None, request), RenderedTrust(None, request)
    judged.verified[IMAGE] = VerifiedImage(text=IMAGE, digest="sha256:d", pinned="p", key="a")

    said, left = judged.still_true(kept), unjudged.still_true(kept)

    assert said == kept
    assert (left.resolved, left.verified) == (IMAGE, None)
    assert "no policy asks" in (left.verification_message or "")
