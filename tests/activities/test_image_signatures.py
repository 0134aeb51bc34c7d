"""An image that must be signed is deployed by the digest that was signed, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from airunway.provider.registry import installed_providers
from airunway.sandbox.registry import PretendRegistry
from tests.activities.deployment_site import DeploymentSite, asked, render_request
from tests.activities.trust_site import IMAGE, KEYS, PODS, REPOSITORY, TrustSite, reasons
from tests.trust.cosign import (
    Signer,
    bundle_of,
    payload_of,
    push_bundles,
    push_image,
    push_signatures,
    statement_of,
)

VERIFIED = ["docker.io/vllm/*"]


@pytest_asyncio.fixture
async def trust(place: DeploymentSite) -> AsyncIterator[TrustSite]:
    async with PretendRegistry() as registry:
        site = TrustSite(place, registry, Signer())
        await site.trust(site.signer)
        yield site


async def sign(trust: TrustSite, digest: str, *, by: Signer | None = None, **changed: Any) -> None:
    """Sign an image, as somebody with cosign does."""
    payload = payload_of(digest, **changed)
    await push_signatures(
        trust.registry.host, REPOSITORY, digest, (payload, (by or trust.signer).sign(payload))
    )


def digest_now(trust: TrustSite) -> str:
    return trust.registry.digest(REPOSITORY, "v0.12.0")


async def test_a_signed_image_is_deployed_by_its_digest(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()

    rendered, done = await trust.worker(verified=VERIFIED).apply(render_request(made))

    pinned = f"docker.io/{REPOSITORY}@{digest_now(trust)}"
    assert done.failure is None
    assert await trust.images() == [pinned]
    said = [entry for entry in rendered.conditions if entry.type == "ImageVerified"]
    assert [(entry.status, entry.reason, entry.message) for entry in said] == [
        ("True", "SignatureVerified", f"signed: {pinned} by 0.pub")
    ]
    assert rendered.pinned_images == {IMAGE: digest_now(trust)}


async def bundle(trust: TrustSite, payload: bytes, *, by: Signer | None = None, **envelope: Any) -> None:
    """Sign as somebody with cosign 3 does."""
    made = bundle_of(payload, by or trust.signer, **envelope)
    await push_bundles(trust.registry.host, REPOSITORY, digest_now(trust), made)


async def test_an_image_that_cosign_3_signed_is_deployed_by_its_digest(trust: TrustSite) -> None:
    await bundle(trust, statement_of(digest_now(trust)))
    made = await trust.place.deploy()

    _, done = await trust.worker(verified=VERIFIED).apply(render_request(made))

    assert done.failure is None
    assert await trust.images() == [f"docker.io/{REPOSITORY}@{digest_now(trust)}"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"by": Signer()}, "by a key that counts", id="another key"),
        pytest.param({"signatures": [{"sig": "AAAA"}]}, "by a key that counts", id="no signature"),
        pytest.param({"payloadType": "text/plain"}, "by a key that counts", id="another type than signed"),
        pytest.param({"of": "sha256:" + "b" * 64}, "for another digest", id="another image"),
        pytest.param(
            {"predicateType": "https://slsa.dev/provenance/v1"}, "no image signature", id="attested"
        ),
    ],
)
async def test_another_bundle_does_not_count(trust: TrustSite, changed: dict[str, Any], says: str) -> None:
    inside = {key: changed[key] for key in changed.keys() & {"predicateType"}}
    envelope = {key: changed[key] for key in changed.keys() & {"signatures", "payloadType"}}
    payload = statement_of(changed.get("of", digest_now(trust)), **inside)
    await bundle(trust, payload, by=changed.get("by"), **envelope)
    made = await trust.place.deploy()

    answer = await trust.render(trust.worker(verified=VERIFIED), made)

    assert reasons(answer) == ("ImageNotVerified", True)
    assert answer.failure is not None and says in answer.failure.message
    assert await trust.images() == []


async def test_a_tag_that_moves_after_the_check_changes_nothing(trust: TrustSite) -> None:
    signed = digest_now(trust)
    await sign(trust, signed)
    made = await trust.place.deploy()
    worker, request = trust.worker(verified=VERIFIED), render_request(made)
    rendered = await worker.provider.render(request)

    trust.registry.move(REPOSITORY, "v0.12.0")
    await worker.provider.apply_upstream(asked(request, rendered))

    assert signed != digest_now(trust)
    assert await trust.images() == [f"docker.io/{REPOSITORY}@{signed}"]


async def test_a_running_deployment_stays_at_the_digest_that_it_has(trust: TrustSite) -> None:
    """A tag is not followed: neither to another signed image nor to one that nobody signed."""
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()
    worker = trust.worker(verified=VERIFIED)
    rendered, _ = await worker.apply(render_request(made))
    trust.registry.move(REPOSITORY, "v0.12.0")

    later = await trust.render(trust.worker(verified=VERIFIED), made, pins=rendered.pinned_images)

    assert reasons(later) == ("", False)
    assert later.pinned_images == rendered.pinned_images


async def test_a_pin_that_somebody_made_up_is_verified_as_any(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()
    foreign = await push_image(trust.registry.host, REPOSITORY, tag="foreign", created="2020")

    answer = await trust.render(trust.worker(verified=VERIFIED), made, pins={IMAGE: foreign})

    assert reasons(answer) == ("ImageNotVerified", True)


@pytest.mark.parametrize("kept", ["tag", "digest"])
async def test_without_a_signature_nothing_is_deployed(trust: TrustSite, kept: str) -> None:
    image = IMAGE if kept == "tag" else f"{REPOSITORY}@{digest_now(trust)}"
    made = await trust.place.deploy(engine={"type": "vllm", "image": image})

    answer = await trust.render(trust.worker(verified=VERIFIED), made)

    assert reasons(answer) == ("ImageNotVerified", True)
    assert answer.failure is not None
    assert f"{image} ({digest_now(trust)}) is not verified: it has no signature" in answer.failure.message
    assert f"ConfigMap default/{KEYS}" in answer.failure.message
    assert ("ImageVerified", "False") in {(entry.type, entry.status) for entry in answer.failure.conditions}
    assert await trust.images() == []


async def test_a_signature_of_somebody_else_does_not_count(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust), by=Signer())
    made = await trust.place.deploy()

    answer = await trust.render(trust.worker(verified=VERIFIED), made)

    assert reasons(answer) == ("ImageNotVerified", True)
    assert answer.failure is not None and "none of its 1 signatures is by a key" in answer.failure.message


async def test_a_good_signature_of_another_digest_does_not_count(trust: TrustSite) -> None:
    """Somebody moved the genuine signature of one image to another one."""
    genuine = payload_of("sha256:" + "0" * 64)
    signed = (genuine, trust.signer.sign(genuine))
    await push_signatures(trust.registry.host, REPOSITORY, digest_now(trust), signed)
    made = await trust.place.deploy()

    answer = await trust.render(trust.worker(verified=VERIFIED), made)

    assert reasons(answer) == ("ImageNotVerified", True)
    assert answer.failure is not None and "it was signed for another digest" in answer.failure.message


async def test_a_changed_payload_does_not_count(trust: TrustSite) -> None:
    signature = trust.signer.sign(payload_of("sha256:" + "0" * 64))
    changed = (payload_of(digest_now(trust)), signature)
    await push_signatures(trust.registry.host, REPOSITORY, digest_now(trust), changed)
    made = await trust.place.deploy()

    answer = await trust.render(trust.worker(verified=VERIFIED), made)

    assert reasons(answer) == ("ImageNotVerified", True)


async def test_one_good_signature_among_bad_ones_is_enough(trust: TrustSite) -> None:
    digest = digest_now(trust)
    good = payload_of(digest)
    other = payload_of(digest, identity={"docker-reference": "other"})
    signed = [(other, Signer().sign(other)), (good, trust.signer.sign(good))]
    await push_signatures(trust.registry.host, REPOSITORY, digest, *signed)
    made = await trust.place.deploy()

    assert reasons(await trust.render(trust.worker(verified=VERIFIED), made)) == ("", False)


async def test_every_image_that_the_rule_is_about_must_be_signed(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust))
    unsigned = f"{REPOSITORY}:v0.11.0"
    pod = {"initContainers": [{"name": "a", "image": unsigned}]}
    made = await trust.place.deploy(provider={"name": "acme", "overrides": pod})

    answer = await trust.render(trust.worker(verified=VERIFIED), made)

    assert reasons(answer) == ("ImageNotVerified", True)
    assert answer.failure is not None and unsigned in answer.failure.message


async def test_images_of_other_rules_are_deployed_as_they_are(trust: TrustSite) -> None:
    made = await trust.place.deploy()

    _, done = await trust.worker(verified=["quay.io/*"]).apply(render_request(made))

    assert done.failure is None
    assert await trust.images() == [IMAGE]


async def test_a_registry_that_cannot_be_reached_is_waited_for(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    worker = trust.worker(verified=VERIFIED)
    await trust.registry.__aexit__()

    answer = await trust.render(worker, made)

    assert reasons(answer) == ("ImageNotVerified", False)
    assert answer.failure is not None and answer.failure.retry_seconds > 0
    assert not answer.planned


@pytest.mark.parametrize("keys", ["", "configmap/absent", "secret/absent"])
async def test_without_keys_nobody_is_trusted(trust: TrustSite, keys: str) -> None:
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()

    answer = await trust.render(trust.worker(verified=VERIFIED, keys=keys), made)

    assert reasons(answer) == ("ImageNotVerified", False)
    assert answer.failure is not None and "AIRUNWAY_VERIFICATION_KEYS" in answer.failure.message


async def test_a_namespace_asks_for_signatures(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    await trust.annotate(verified_images="docker.io/vllm/*")

    answer = await trust.render(trust.worker(), made)

    assert reasons(answer) == ("ImageNotVerified", True)
    assert answer.failure is not None and "it has no signature" in answer.failure.message


async def test_what_was_verified_is_not_asked_for_again(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()
    worker = trust.worker(verified=VERIFIED)
    first = await trust.render(worker, made)
    trust.registry.requests.clear()

    again = await trust.render(worker, made, pins=first.pinned_images)

    assert reasons(again) == ("", False)
    assert trust.registry.requests == []


async def test_many_deployments_of_one_image_cost_one_question(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()
    worker = trust.worker(verified=VERIFIED)
    pins = {IMAGE: digest_now(trust)}
    trust.registry.requests.clear()

    answers = await asyncio.gather(*(trust.render(worker, made, pins=pins) for _ in range(50)))

    assert {reasons(answer) for answer in answers} == {("", False)}
    assert len([path for path in trust.registry.requests if path.endswith(".sig")]) == 1


async def test_a_pin_that_is_no_digest_is_not_written_into_an_image(trust: TrustSite) -> None:
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy()

    answer = await trust.render(trust.worker(verified=VERIFIED), made, pins={IMAGE: "sha256:0 evil"})

    assert answer.pinned_images == {IMAGE: digest_now(trust)}


async def test_the_status_says_what_was_verified(trust: TrustSite) -> None:
    vllm = installed_providers()["vllm"]
    described = replace(
        PODS,
        serving_image_to_resolve=vllm.serving_image_to_resolve,
        describe_serving_image=vllm.describe_serving_image,
    )
    await sign(trust, digest_now(trust))
    made = await trust.place.deploy(engine={"type": "vllm", "image": IMAGE})

    signed = await trust.render(trust.worker(verified=VERIFIED, provider=described), made)
    free = await trust.render(trust.worker(provider=described), made)

    assert signed.image is not None and free.image is not None
    assert (signed.image.verified, signed.image.verification_message) == (True, "signed by 0.pub")
    assert signed.image.resolved == f"docker.io/{REPOSITORY}@{digest_now(trust)}"
    assert free.image.verified is None
    said = {entry.type: f"{entry.status}/{entry.reason}" for entry in free.conditions}
    assert said["ImageVerified"] == "Unknown/VerificationNotAsked"
