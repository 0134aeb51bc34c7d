"""Admission and plans say of images and models what the step that renders would say later."""

from __future__ import annotations

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext
from airunway.provider.guard_at_admission import admission_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from airunway.trust.foreseen import (
    images_rendered,
    rendered_findings,
    signature_notes,
    spec_findings,
)
from airunway.trust.judging import PolicyRefusal, allowed_images
from airunway.trust.policy import TrustPolicy, setting_policy

PROVIDERS = installed_providers()
EVIL = "evil.example.com/miner:1"


def policy(**lists: list[str]) -> TrustPolicy:
    return setting_policy(**{"images": ["*"], "models": ["*"], "verified": [], **lists})


def at_admission(given: ModelDeployment, rules: TrustPolicy) -> list[tuple[str, str]]:
    def judge(provider, candidate, objects):  # type: ignore[no-untyped-def]
        return rendered_findings(rules, provider, candidate, objects)

    found = admission_findings(given, PROVIDERS, OverridesPolicy(), judge=judge)
    return [(error.field, error.detail) for error in found]


@pytest.mark.parametrize("name", ["dynamo", "kuberay", "llmd", "vllm"])
def test_the_words_are_those_of_the_step_that_renders(name: str) -> None:
    rules = policy(images=["ghcr.io/*", "nvcr.io/*"])
    given = deployment(provider={"name": name}, engine={"type": "vllm", "image": EVIL})
    with pytest.raises(PolicyRefusal) as refused:
        allowed_images(rules, PROVIDERS[name].render(given, RenderContext()), [])

    assert at_admission(given, rules) == [("spec.engine.image", str(refused.value))]
    assert "AIRUNWAY_ALLOWED_IMAGES (ghcr.io/*, nvcr.io/*)" in str(refused.value)


def test_an_image_that_the_provider_takes_by_itself_is_said_too() -> None:
    given = deployment(provider={"name": "vllm"})

    ((field, words),) = at_admission(given, policy(images=["ghcr.io/team/*"]))

    assert field == "spec"
    assert "docker.io/vllm/vllm-openai) is not allowed by AIRUNWAY_ALLOWED_IMAGES" in words


def test_of_several_providers_one_that_may_is_enough() -> None:
    any_provider, image = {"type": "vllm"}, "docker.io/vllm/vllm-openai"

    assert at_admission(deployment(engine=any_provider), policy(images=[f"{image}:*"])) == []
    assert at_admission(deployment(engine={"type": "sglang"}), policy(images=[f"{image}:*"])) != []


def test_an_image_that_would_be_built_need_not_be_on_the_list() -> None:
    given = deployment(
        provider={"name": "kaito"}, engine={"type": "llamacpp"}, model={"id": "acme/chat-GGUF"}, gpus=0
    )

    assert at_admission(given, policy(images=["ghcr.io/nobody/*"])) == []


def test_what_was_handed_over_is_not_refused_for_what_a_stage_made_long_ago() -> None:
    rules = policy(images=["nvcr.io/*", "docker.io/vllm/*"])
    storage = {"volumes": [{"name": "weights", "purpose": "modelCache", "size": "10Gi"}]}
    new = deployment(provider={"name": "dynamo"}, model={"id": "acme/chat-9b", "storage": storage})
    old = type(new).model_validate({**new.dump(), "status": {"provider": {"name": "dynamo"}}})

    assert [field for field, words in at_admission(new, rules) if "Job" in words] == ["spec"]
    assert at_admission(old, rules) == []


def test_a_model_is_refused_at_its_field() -> None:
    rules = policy(models=["microsoft/*"])

    (found,) = spec_findings(rules, deployment())

    assert found.line == (
        "spec.model.id: Forbidden: the model 'acme/chat-9b' is not allowed by AIRUNWAY_ALLOWED_MODELS"
        " (microsoft/*); take a model that is, or ask an administrator to add it there"
    )
    assert spec_findings(rules, deployment(model={"id": "microsoft/phi-4"})) == []


def test_another_hub_for_an_allowed_model_is_seen() -> None:
    given = deployment(provider={"name": "vllm"}, env=[{"name": "HF_ENDPOINT", "value": "https://evil.dev"}])

    ((_, words),) = at_admission(given, policy(models=["acme/*"]))

    assert "HF_ENDPOINT would fetch it from another hub" in words


def test_an_image_that_must_be_signed_is_named() -> None:
    rules = policy(verified=["docker.io/vllm/*"])
    objects = PROVIDERS["vllm"].render(deployment(), RenderContext())

    (note,) = signature_notes(rules, images_rendered(objects))

    assert "must be signed: docker.io/vllm/* of AIRUNWAY_VERIFIED_IMAGES asks for it" in note
    assert list(signature_notes(policy(), images_rendered(objects))) == []
