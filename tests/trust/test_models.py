"""Every model that a deployment names is compared with the list, by whatever field it comes."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.engines.flag_table import FlagKind, stored_tables
from airunway.trust.models import models_of_spec, models_rendered
from airunway.trust.policy import Globs, TrustPolicy

POLICY = TrustPolicy(models=Globs(globs=("good/*",), where="AIRUNWAY_ALLOWED_MODELS"))


class Case(NamedTuple):
    reason: str
    spec: dict[str, Any]
    refused: str = ""


def engine(**fields: Any) -> dict[str, Any]:
    return {"model": {"id": "good/model"}, "engine": {"type": "vllm", **fields}}


TENSORS = '{"tensorizer_uri": "s3://evil/m"}'
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
    Case("a draft model by a short flag", engine(extraArgs=["-sc", '{"model": "evil/d"}']), "evil/d"),
    Case("one by a short flag and dots", engine(extraArgs=["-sc.model=evil/d"]), "evil/d"),
    Case("a file of flags", engine(args={"config": "/data/flags.yaml"}), "file:/data/flags.yaml"),
    Case("code beside the server", engine(args={"tool-parser-plugin": "/data/a.py"}), "file:/data/a.py"),
    Case("adapters of anybody's names", engine(args={"default-mm-loras": '{"x": "evil/a"}'}), "evil/a"),
    Case("weights beside the model", engine(args={"model-loader-extra-config": TENSORS}), "s3://evil/m"),
    Case("another registry", engine(extraArgs=["-dr", "evil/m"]), "evil/m"),
    Case("a file by a short flag", engine(extraArgs=["-m", "/data/evil.gguf"]), "file:/data/evil.gguf"),
    Case("a word of its own", engine(extraArgs=["evil/m"]), "evil/m"),
    Case("one behind a value", engine(extraArgs=["--max-model-len", "4096", "evil/m"]), "evil/m"),
    Case("one behind a value in one word", engine(extraArgs=["--max-model-len=4096", "evil/m"]), "evil/m"),
    Case("one behind a switch", engine(extraArgs=["--enforce-eager", "evil/m"]), "evil/m"),
    Case("one behind the beginning of a switch", engine(extraArgs=["--enforce-e", "evil/m"]), "evil/m"),
    Case("one behind a switch's contrary", engine(extraArgs=["--no-enable-lora", "evil/m"]), "evil/m"),
    Case("one behind a negative number", engine(extraArgs=["--seed", "-1", "evil/m"]), "evil/m"),
    Case("one behind a short flag", engine(extraArgs=["-O3", "evil/m"]), "evil/m"),
    Case("one behind the end of flags", engine(extraArgs=["--", "evil/m"]), "evil/m"),
    Case("one as the value of a switch", engine(args={"enforce-eager": "evil/m"}), "evil/m"),
    Case("values of a list", engine(extraArgs=["--served-model-name", "x", "y", "--seed", "-1"])),
    Case("switches and values", engine(args={"enforce-eager": "true"}, extraArgs=["-O3", "-tp", "2"])),
    Case("a parser by its name", engine(args={"reasoning-parser": "qwen3", "tool-call-parser": "hermes"})),
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


@pytest.mark.parametrize(
    "variable",
    [
        {"name": "MODEL_ID", "value": "evil/m"},
        {"name": "VLLM_ENGINE_ARGS", "value": "--max-model-len 1 --tokenizer 'evil/m'"},
        {"name": "VLLM_ENGINE_ARGS", "value": '--speculative-config \'{"model": "evil/m"}\''},
    ],
)
@pytest.mark.parametrize("variables", ["env", "envs"])
def test_models_of_variables_by_which_a_server_is_told_its_model(
    variables: str, variable: dict[str, str]
) -> None:
    objects = [{"kind": "RayService", "spec": {"containers": [{variables: [variable]}]}}]

    assert "evil/m" in POLICY.model_problem(models_rendered(objects))


def test_a_preset_that_the_hub_has_is_a_model_whatever_its_source_is_called() -> None:
    given = [{"kind": "Workspace", "inference": {"preset": {"name": name}}} for name in ("phi-4", "evil/m")]

    assert POLICY.model_problem(models_rendered(given[:1])) == ""
    assert "evil/m" in POLICY.model_problem(models_rendered(given))


def test_what_providers_render_of_a_model_and_its_volume_is_no_other_model() -> None:
    args = ["-m", "dynamo.vllm", "--model", "good/model", "--model-path", "/models/good", "--port", "80"]
    objects = [{"kind": "Deployment", "spec": {"containers": [{"command": ["python3"], "args": args}]}}]

    assert POLICY.model_problem(models_rendered(objects)) == ""


def test_no_deployment_names_models_without_end() -> None:
    names = [f"good/{number}" for number in range(1000)]

    assert "more than 256" in POLICY.model_problem(names)


# -- every flag that is known ------------------------------------------------------------------------------

HINTS = re.compile(
    r"(?!spec-draft-(?!hf|model$)|speculative-draft-(?!model-path)).*"
    r"(model|repo|lora|url|tokenizer|config|hf-|docker|draft|preset|mmproj|plugin|module|adapter|weight)"
)
NO_MODEL = {
    # names, kinds and sizes
    *("config-format", "hf-chat-template-name", "hf-file", "hf-token", "lora-backend", "lora-dtype"),
    *("lora-eviction-policy", "lora-target-modules", "mmproj-device", "model-checksum", "model-impl"),
    *("model-name", "modelopt-quant", "served-model-name", "tokenizer-mode", "tokenizer-revision"),
    *("tokenizer-metrics-allowed-custom-labels", "tokenizer-metrics-custom-labels-header"),
    *("tokenizer-pool-type", "dllm-algorithm-config", "router-prefill-load-model", "weight-version"),
    *("remote-instance-weight-loader-backend", "remote-instance-weight-loader-client-id"),
    *("remote-instance-weight-loader-send-weights-group-ports", "custom-weight-loader"),
    # how it is computed, and where results go
    *("additional-config", "attention-config", "aux-output-config", "compilation-config", "deepep-config"),
    *("diffusion-config", "ds-channel-config-path", "dump-config-to", "ec-manager-config"),
    *("ec-transfer-config", "engram-config", "eplb-config", "fault-tolerance-config", "generation-config"),
    *("hicache-storage-backend-extra-config", "hisparse-config", "hf-overrides", "io-processor-plugin"),
    *("json-model-override-args", "kernel-config", "kv-events-config", "kv-transfer-config"),
    *("log-config-file", "logging-config", "mcp-servers-config", "media-output-fs-url"),
    *("media-output-http-url", "metadata-server-config-file", "mm-process-config", "model-class-overrides"),
    *("modelopt-checkpoint-save-path", "modelopt-export-path", "override-generation-config"),
    *("override-neuron-config", "override-pooler-config", "pdmux-config-path", "pooler-config"),
    *("profiler-config", "quantization-config", "reasoning-config", "router-policy-config"),
    *("structured-outputs-config", "tokenizer-pool-extra-config", "torchao-config", "ui-config"),
    *("ui-config-file", "watchdog-config", "watermark-config", "weight-transfer-config"),
    *("disagg-config", "disagg-config-key", "encoder-urls", "aic-model-path"),
}
"""Flags with such a word in their name by which no model comes from anywhere."""
NUMBERS = (FlagKind.NUMBER, FlagKind.NUMBERS)


@pytest.mark.parametrize("project", ["vllm", "sglang", "trtllm", "llamacpp", "dynamo"])
def test_every_flag_of_an_engine_that_could_name_a_model_is_compared(project: str) -> None:
    kinds = {name: kind for table in stored_tables(project) for name, kind in table.flags.items()}
    telling = [name for name, kind in kinds.items() if not kind.is_switch and kind not in NUMBERS]
    given = {name: engine(extraArgs=[f"--{name}", "evil/m"]) for name in telling if HINTS.match(name)}

    unseen = {name for name, spec in given.items() if "evil/m" not in models_of_spec(deployment(spec))}

    assert unseen <= NO_MODEL
