"""Every model that a deployment names is compared with the list, by whatever field it comes."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.trust.models import evasions, models_of_spec, models_rendered
from airunway.trust.policy import Globs, TrustPolicy

POLICY = TrustPolicy(models=Globs(globs=("good/*",), where="AIRUNWAY_ALLOWED_MODELS"))


class Case(NamedTuple):
    reason: str
    spec: dict[str, Any]
    refused: str = ""


def engine(**fields: Any) -> dict[str, Any]:
    return {"model": {"id": "good/model"}, "engine": {"type": "vllm", **fields}}


CASES = [
    Case("the model itself", {"model": {"id": "good/model"}}),
    Case("another one", {"model": {"id": "evil/model"}}, "evil/model"),
    Case("one that a hub could read as another", {"model": {"id": "good/../evil/x"}}, "good/../evil/x"),
    Case("or by an escape", {"model": {"id": "good/%2e%2e/evil"}}, "good/%2e%2e/evil"),
    Case("one that somebody supplies", {"model": {"id": "x", "source": "custom"}}, "custom:x"),
    Case("a flag of the same model", engine(args={"model": "good/other"})),
    Case("a flag", engine(args={"model": "evil/model"}), "evil/model"),
    Case("a flag by another spelling", engine(args={"speculative_model": "evil/m"}), "evil/m"),
    Case("a flag in one word", engine(extraArgs=["--tokenizer=evil/t"]), "evil/t"),
    Case("a flag in two words", engine(extraArgs=["--tokenizer", "evil/t"]), "evil/t"),
    Case("the beginning of a flag", engine(extraArgs=["--hf-config-p", "evil/t"]), "evil/t"),
    Case("an adapter", engine(extraArgs=["--lora-modules", "a=good/a", "b=evil/b"]), "evil/b"),
    Case("a draft model", engine(args={"speculative-config": '{"model": "evil/d"}'}), "evil/d"),
    Case("a draft model by dots", engine(extraArgs=["--speculative-config.model", "evil/d"]), "evil/d"),
    Case("one by the beginning of its flag", engine(extraArgs=["--speculative-c.model=evil/d"]), "evil/d"),
    Case("JSON that cannot be read", engine(args={"speculative-config": "{evil"}), "{evil"),
    Case("a file of a volume", engine(args={"model-path": "/data/evil"}), "file:/data/evil"),
    Case("a file at an address", engine(args={"ggufUrl": "https://evil.example.com/m.gguf"}), "https://evil"),
    Case("a short flag", engine(extraArgs=["-hf", "evil/m"]), "evil/m"),
    Case(
        "overrides",
        engine() | {"provider": {"overrides": {"spec": {"c": [{"args": ["serve", "evil/m"]}]}}}},
        "evil/m",
    ),
    Case("other flags", engine(args={"max-model-len": "4096"}, extraArgs=["--served-model-name", "x"])),
]


def deployment(spec: dict[str, Any]) -> ModelDeployment:
    return ModelDeployment.model_validate({"metadata": {"name": "chat"}, "spec": spec})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_models_of_a_spec(case: Case) -> None:
    problem = POLICY.model_problem(models_of_spec(deployment(case.spec)))

    assert bool(problem) is bool(case.refused)
    assert case.refused in problem
    assert not problem or "AIRUNWAY_ALLOWED_MODELS (good/*)" in problem


@pytest.mark.parametrize(
    "args",
    [["serve", "evil/m"], ["--model", "evil/m"], ["huggingface://evil/m/file.gguf"], ["oci://evil/m"]],
)
def test_models_of_what_was_rendered(args: list[str]) -> None:
    objects = [{"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"args": args}]}}}}]

    assert "evil/m" in POLICY.model_problem(models_rendered(objects))


def test_what_providers_render_of_a_model_and_its_volume_is_no_other_model() -> None:
    args = ["-m", "dynamo.vllm", "--model", "good/model", "--model-path", "/models/good", "--port", "80"]
    objects = [{"kind": "Deployment", "spec": {"containers": [{"command": ["python3"], "args": args}]}}]

    assert POLICY.model_problem(models_rendered(objects)) == ""


@pytest.mark.parametrize("text", ["applications:\n- name: a", '{"model": "evil/m"}', "applications: [x]"])
def test_a_document_in_overrides_could_name_any_model(text: str) -> None:
    spec = engine() | {"provider": {"overrides": {"spec": {"serveConfigV2": text, "replicas": "2"}}}}

    (words,) = evasions(deployment(spec), [])

    assert "spec.provider.overrides.spec.serveConfigV2" in words


def test_no_deployment_names_models_without_end() -> None:
    names = [f"good/{number}" for number in range(1000)]

    assert "more than 256" in POLICY.model_problem(names)


def test_another_hub_for_the_same_name_is_seen() -> None:
    env = [{"name": "HF_ENDPOINT", "value": "https://evil.example.com"}]

    (words,) = evasions(deployment(engine()), [{"spec": {"containers": [{"env": env}]}}])

    assert "HF_ENDPOINT" in words
