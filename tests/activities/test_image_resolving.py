"""From a spec to a plan: the real resolver on a pretend hub and registry."""

from __future__ import annotations

import pytest

from airunway.activities.model_image.published import PublishedModelImages
from airunway.api.model_image import ModelImageSpec as Spec
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.messages.model_image import ResolveModelImageRequest
from airunway.modelimage.plan import ModelImagePlan
from tests.activities.image_shop import REF, REPOSITORY, TOKEN, WEIGHTS, Shop, failure_of
from tests.servers.hub import HubModel


async def test_a_spec_becomes_a_plan_that_no_branch_can_change(shop: Shop) -> None:
    plan = await shop.plan()

    assert [file.path for file in plan.files] == ["tiny-Q4_K_M.gguf"]
    assert plan.total_bytes == len(WEIGHTS)
    assert len(plan.commit) == 40
    assert "@sha256:" in plan.base
    assert (plan.license, plan.name) == ("mit", "aikit-example-tiny-gguf")
    assert plan.tag.startswith("Q4_K_M-")
    assert await shop.plan() == plan


async def test_an_image_that_is_in_the_registry_comes_with_its_plan(shop: Shop) -> None:
    plan = await shop.plan()
    request = ResolveModelImageRequest(ref=REF, spec=Spec(repository=REPOSITORY))
    before = await shop.activities().resolve_model_image(request)
    reference = await shop.publish(plan, await shop.build(plan))

    after = await shop.activities().resolve_model_image(request)

    assert before.image is None
    assert after.image is not None and after.image.reference == reference


async def test_a_registry_that_does_not_tell_holds_no_plan_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_self: PublishedModelImages, _plan: ModelImagePlan) -> None:
        raise RegistryUnavailable("connection refused")

    monkeypatch.setattr(PublishedModelImages, "find", away)
    request = ResolveModelImageRequest(ref=REF, spec=Spec(repository=REPOSITORY))
    await shop.deploy(request.spec)

    answer = await shop.activities().resolve_model_image(request)

    assert answer.image is None
    assert answer.plan.repository == REPOSITORY


@pytest.mark.parametrize(
    ("spec", "kind", "wanted"),
    [
        (Spec(repository="a/b/c"), "InvalidModel", "no Hugging Face repository"),
        (Spec(repository=REPOSITORY, file="../x.gguf"), "InvalidModel", "inside the repository"),
        (Spec(repository=REPOSITORY, revision="a b"), "InvalidModel", "no branch"),
        (Spec(repository=REPOSITORY, file="x.gguf"), "ChoiceError", "tiny-Q4_K_M.gguf, tiny-Q8_0.gguf"),
        (Spec(repository=REPOSITORY, revision="v1"), "RevisionMissing", "v1"),
        (Spec(repository="acme/Nothing"), "RepositoryMissing", "no such repository"),
    ],
)
async def test_a_spec_that_cannot_be_met_is_final(shop: Shop, spec: Spec, kind: str, wanted: str) -> None:
    failure = await failure_of(lambda: shop.resolve(spec))

    assert (failure.type, failure.non_retryable) == (kind, True)
    assert wanted in failure.message


async def test_a_model_that_no_volume_holds_is_refused(shop: Shop) -> None:
    failure = await failure_of(lambda: shop.plan(registry_bytes=1000))

    assert (failure.type, failure.non_retryable) == ("ImageTooLarge", True)


@pytest.mark.parametrize("file", [" tiny-Q4_K_M.gguf", ".wh.tiny-Q4_K_M.gguf"])
async def test_a_file_whose_name_no_image_can_have_is_refused_though_nobody_named_it(
    shop: Shop, file: str
) -> None:
    shop.hub.publish(HubModel(id="acme/Odd", files={file: WEIGHTS}))

    failure = await failure_of(lambda: shop.resolve(Spec(repository="acme/Odd")))

    assert (failure.type, failure.non_retryable) == ("InvalidModel", True)


async def test_builds_can_be_switched_off(shop: Shop) -> None:
    failure = await failure_of(lambda: shop.plan(enabled=False))

    assert failure.type == "BuildsOff"
    assert "AIRUNWAY_IMAGE_BUILDS" in failure.message
    assert shop.hub.requests == []


async def test_a_secret_that_comes_later_is_waited_for(shop: Shop) -> None:
    spec = Spec(repository=REPOSITORY, token_secret="later")
    failure = await failure_of(lambda: shop.resolve(spec))
    assert (failure.type, failure.non_retryable) == ("TokenMissing", False)
    assert "default/later" in failure.message

    await shop.secret("later", HF_TOKEN=f"{TOKEN}\n")

    await shop.resolve(spec)
    # Without it as well, to know whether the image is for everybody.
    assert {seen.authorization for seen in shop.hub.requests} == {f"Bearer {TOKEN}", ""}


@pytest.mark.parametrize("data", [{}, {"OTHER": "x"}, {"HF_TOKEN": ""}, {"HF_TOKEN": "two\nlines"}])
async def test_a_secret_without_a_token_is_said(shop: Shop, data: dict[str, str]) -> None:
    await shop.secret("odd", **data)

    failure = await failure_of(lambda: shop.resolve(Spec(repository=REPOSITORY, token_secret="odd")))

    assert failure.type == "TokenMissing"
    assert "two" not in failure.message


async def test_aikits_frontend_takes_no_split_model(shop: Shop) -> None:
    parts = {f"big-0000{number}-of-00002.gguf": b"x" for number in (1, 2)}
    shop.hub.publish(HubModel(id="acme/Big", files=parts))

    failure = await failure_of(
        lambda: shop.resolve(Spec(repository="acme/Big"), frontend="ghcr.io/a/b:latest")
    )

    assert (failure.type, failure.non_retryable) == ("InvalidModel", True)
