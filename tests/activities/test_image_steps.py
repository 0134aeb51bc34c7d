"""The steps of a model image with the real clients, on a pretend hub, builder and registry."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airunway.api.model_image import ModelImageSpec as Spec
from airunway.messages.model_image import FreeSpaceRequest
from airunway.messages.refs import DeploymentRef
from tests.activities.image_shop import FILES, REPOSITORY, TOKEN, WEIGHTS, Shop, failure_of
from tests.servers.hub import HubModel


async def test_an_image_is_found_only_after_it_was_verified(shop: Shop) -> None:
    plan = await shop.plan()
    assert await shop.found(plan) == ""

    digest = await shop.build(plan)
    assert await shop.found(plan) == "", "what was pushed and not looked at is never used"

    reference = await shop.publish(plan, digest)
    assert reference == f"localhost:30500/{plan.name}@{digest}"
    assert await shop.found(plan) == reference
    assert shop.registry.digest(plan.name, plan.visible_tag) == digest


async def test_a_build_reports_how_far_it_is(shop: Shop) -> None:
    await shop.build(await shop.plan())

    assert shop.heartbeats
    assert {progress.total_bytes for (progress,) in shop.heartbeats} == {len(WEIGHTS)}
    assert shop.client.image.reported


async def test_the_same_plan_gives_the_same_digest(shop: Shop) -> None:
    plan = await shop.plan()

    assert await shop.build(plan) == await shop.build(plan)


@pytest.mark.parametrize("fixed_dates", [False, True])
async def test_a_mirror_with_other_dates_gives_the_same_digest_only_with_fixed_dates(
    shop: Shop, fixed_dates: bool
) -> None:
    plan = await shop.plan(fixed_dates=fixed_dates)
    first = await shop.build(plan)
    shop.buildkit.cache.records.clear()

    shop.hub.last_modified = "Sun, 04 Feb 2029 05:06:07 GMT"
    again = await shop.build(plan)

    assert (again == first) is fixed_dates
    assert await shop.publish(plan, again), "each of them is the image of its plan"


async def test_fixed_dates_are_another_image(shop: Shop) -> None:
    plan, other = await shop.plan(), await shop.plan(fixed_dates=True)

    assert plan.identity != other.identity
    assert await shop.build(plan) != await shop.build(other)


async def test_the_visible_tag_of_another_model_is_left_alone(shop: Shop) -> None:
    other = HubModel(id="example-tiny/GGUF", files={"tiny-Q4_K_M.gguf": b"another"})
    shop.hub.publish(other)
    first, second = await shop.plan(), await shop.resolve(Spec(repository="example-tiny/GGUF"))
    assert (first.name, first.visible_tag) == (second.name, second.visible_tag)
    kept = await shop.build(first)
    await shop.publish(first, kept)

    reference = await shop.publish(second, await shop.build(second))

    assert shop.registry.digest(first.name, first.visible_tag) == kept
    assert await shop.found(second) == reference
    assert await shop.found(first) != reference


async def test_a_new_commit_of_the_same_file_takes_the_visible_tag(shop: Shop) -> None:
    first = await shop.plan()
    await shop.publish(first, await shop.build(first))
    shop.hub.publish(HubModel(id=REPOSITORY, files={**FILES, "tiny-Q4_K_M.gguf": b"better"}))

    second = await shop.plan()
    digest = await shop.build(second)
    await shop.publish(second, digest)

    assert shop.registry.digest(second.name, second.visible_tag) == digest
    assert await shop.found(first) != ""


async def test_another_image_than_the_planned_one_is_not_published(shop: Shop) -> None:
    plan = await shop.plan()
    other = await shop.resolve(Spec(repository=REPOSITORY, file="tiny-Q8_0.gguf"))
    digest = await shop.build(other)

    failure = await failure_of(lambda: shop.publish(plan, digest))

    assert (failure.type, failure.non_retryable) == ("ImageNotVerified", True)
    assert await shop.found(plan) == ""


async def test_who_waits_is_notified_of_a_registry_that_is_away(shop: Shop) -> None:
    plan = await shop.plan()
    digest = await shop.build(plan)
    shop.client.image.reported.clear()
    await shop.registry.__aexit__()

    failure = await failure_of(lambda: shop.publish(plan, digest))

    assert (failure.type, failure.non_retryable) == ("RegistryUnavailable", False)
    assert "cannot be reached" in shop.client.image.reported[-1].trouble


async def test_a_private_model_is_downloaded_with_the_first_token_that_can_be_read(shop: Shop) -> None:
    shop.hub.publish(HubModel(id="acme/Private", files=FILES, token=TOKEN))
    await shop.secret("hf", HF_TOKEN=TOKEN)
    plan = await shop.resolve(Spec(repository="acme/Private", token_secret="hf"), pull_secret="pull")

    other = DeploymentRef(cluster="here", namespace="default", name="other")
    await shop.deploy(Spec(repository="acme/Private", token_secret="gone"), ref=other)
    missing, good = shop.waiter("gone", ref=other), shop.waiter("hf")
    digest = await shop.build(plan, waiters=[missing, good])

    assert digest.startswith("sha256:")
    failure = await failure_of(lambda: shop.build(plan, waiters=[missing]))
    assert (failure.type, failure.non_retryable) == ("TokenMissing", False)


async def test_a_token_that_was_withdrawn_is_a_refusal_without_the_token(shop: Shop) -> None:
    shop.hub.publish(HubModel(id="acme/Private", files=FILES, token=TOKEN))
    await shop.secret("hf", HF_TOKEN=TOKEN)
    plan = await shop.resolve(Spec(repository="acme/Private", token_secret="hf"), pull_secret="pull")
    shop.hub.refuse(401, where="resolve")

    failure = await failure_of(lambda: shop.build(plan, waiters=[shop.waiter("hf")]))

    assert (failure.type, failure.non_retryable) == ("SourceRefused", True)
    assert TOKEN not in repr(failure) and failure.__cause__ is None


async def test_other_bytes_are_final_and_a_broken_line_is_not(shop: Shop) -> None:
    plan = await shop.plan()
    shop.hub.swap(b"something else", times=1)
    mismatch = await failure_of(lambda: shop.build(plan))
    assert (mismatch.type, mismatch.non_retryable) == ("DigestMismatch", True)

    shop.hub.drop(after=1000, times=1)
    broken = await failure_of(lambda: shop.build(plan))
    assert (broken.type, broken.non_retryable) == ("SourceUnavailable", False)
    assert "trying again" in shop.client.image.reported[-1].trouble

    await shop.build(plan)


async def test_who_asks_for_a_second_again_and_again_is_given_more(shop: Shop) -> None:
    plan = await shop.plan()
    shop.hub.refuse(429, retry_after=1)

    first = await failure_of(lambda: shop.build(plan))
    tenth = await failure_of(lambda: shop.build(plan, attempt=10))

    assert first.next_retry_delay == timedelta(seconds=2)
    assert tenth.next_retry_delay == timedelta(seconds=256)


async def test_a_registry_that_does_not_answer_may_have_the_image_all_the_same(shop: Shop) -> None:
    plan = await shop.plan()
    await shop.publish(plan, await shop.build(plan))
    await shop.registry.__aexit__()

    assert (await shop.find(plan, kept_by_us=True)).unanswered
    failure = await failure_of(lambda: shop.find(plan, kept_by_us=False))

    assert (failure.type, failure.non_retryable) == ("RegistryUnavailable", False)
    assert "cannot be reached" in shop.client.image.reported[-1].trouble


async def test_what_a_cancelled_build_downloaded_is_dropped(shop: Shop) -> None:
    plan = await shop.plan()
    await shop.build(plan)

    freed = await shop.activities().free_build_space(FreeSpaceRequest(plan=plan))

    assert freed.freed_bytes >= len(WEIGHTS)
    again = await shop.activities().free_build_space(FreeSpaceRequest(plan=plan))
    assert again.freed_bytes == 0


async def test_everything_can_be_dropped(shop: Shop) -> None:
    await shop.build(await shop.plan())
    other = await shop.resolve(Spec(repository=REPOSITORY, file="tiny-Q8_0.gguf"))

    request = FreeSpaceRequest(plan=other, everything=True)
    freed = await shop.activities().free_build_space(request)

    assert freed.freed_bytes >= len(WEIGHTS)


# -- AIKit's frontend ---------------------------------------------------------------------------------------


async def test_aikits_frontend_builds_images_of_its_own_kind(shop: Shop) -> None:
    frontend = "ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest"  # any image of the registry
    plan = await shop.plan(frontend=frontend)
    assert plan.layout == "aikit/1"
    assert plan.identity != (await shop.plan()).identity

    reference = await shop.publish(plan, await shop.build(plan, frontend=frontend), frontend=frontend)

    assert await shop.found(plan, frontend=frontend) == reference
    (asked,) = [seen.path for seen in shop.hub.requests if seen.where == "resolve" and not seen.range][-1:]
    assert asked == f"/{REPOSITORY}/resolve/{plan.commit}/tiny-Q4_K_M.gguf"
