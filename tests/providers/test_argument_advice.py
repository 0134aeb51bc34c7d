"""Warnings about arguments: the same in a plan, at admission and in the status, for all providers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import RenderContext
from airunway.provider.argument_advice import (
    ARGUMENTS_RECOGNIZED,
    admission_warnings,
    argument_condition,
    argument_findings,
)
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment

PROVIDERS = installed_providers()
TOOLS = {"enable-auto-tool-choice": "true", "tool-call-parser": "hermes", "enable-chunked-prefill": "false"}


def asking(args: dict[str, str], *, provider: str = "", engine: str = "vllm", **spec: Any) -> ModelDeployment:
    named = {"provider": {"name": provider}} if provider else {}
    return deployment(engine={"type": engine, "args": args}, **named, **spec)


@pytest.mark.parametrize("name", ["vllm", "llmd", "kuberay"])
def test_tool_calling_as_users_write_it_is_no_reason_for_a_warning(name: str) -> None:
    assert argument_findings(PROVIDERS[name], asking(TOOLS, provider=name)) == []
    assert argument_condition(PROVIDERS[name], asking(TOOLS, provider=name)) is None


@pytest.mark.parametrize("name", ["vllm", "llmd", "kuberay", "dynamo"])
def test_no_provider_writes_a_word_behind_a_switch(name: str) -> None:
    objects = PROVIDERS[name].render(asking(TOOLS, provider=name), RenderContext())

    text = re.sub(r"[^a-z-]+", " ", str(objects).lower())
    assert "hermes" in text and not re.search(r"--enable-auto-tool-choice true|chunked-prefill false", text)


def test_a_flag_of_the_frontend_is_not_one_of_a_worker() -> None:
    (choice, parser) = argument_findings(PROVIDERS["dynamo"], asking(TOOLS, provider="dynamo"))

    assert choice.path == "spec.engine.args.enable-auto-tool-choice" and "HTTP server" in choice.message
    assert parser.path == "spec.engine.args.tool-call-parser" and "dyn-tool-call-parser" in parser.message


@pytest.mark.parametrize(
    ("provider", "args", "words"),
    [
        ("vllm", {"model": "x"}, "spec.model.id says the same and gives way"),
        ("dynamo", {"namespace": "x"}, "Dynamo's operator says it to every worker"),
        ("dynamo", {"disaggregation-mode": "agg"}, "follows from spec.serving.mode"),
        ("llmd", {"enable-log-requests": ""}, "name an image that has it"),
        ("kuberay", {"max-num-sequences": "1"}, "did you mean max-num-seqs?"),
    ],
)
def test_a_flag_that_somebody_else_decides_is_told(provider: str, args: dict[str, str], words: str) -> None:
    (found,) = argument_findings(PROVIDERS[provider], asking(args, provider=provider))

    assert words in found.message


def test_kaito_knows_its_own_settings_and_nothing_of_an_engine() -> None:
    runner = "ghcr.io/kaito-project/aikit/runners/llama-cpp:1"
    args = {"ggufurl": "x", "n-gpu-layers": "9", "ggufFile": "a.gguf"}

    (url, layers) = argument_findings(
        PROVIDERS["kaito"], asking(args, provider="kaito", engine="llamacpp", image=runner)
    )

    assert "is a flag of llama.cpp" in layers.message and "did you mean ggufUrl?" in url.message


def test_the_condition_names_all_that_is_odd() -> None:
    wanted = asking({"enable-auto-tool-choise": "true", "frobnicate": "1"}, provider="vllm")

    found = argument_condition(PROVIDERS["vllm"], wanted)

    assert found is not None and found.type == ARGUMENTS_RECOGNIZED and found.status == "False"
    assert "did you mean enable-auto-tool-choice?" in found.message and "frobnicate" in found.message


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        pytest.param(asking({"frobnicate": "1"}, provider="vllm"), 1, id="a provider is named"),
        pytest.param(asking({"frobnicate": "1"}, provider="acme"), 0, id="one of which nothing is known"),
        pytest.param(asking({"frobnicate": "1"}), 1, id="none is named, and none would take it"),
        pytest.param(asking({"tool-call-parser": "x"}), 0, id="some would take it"),
        pytest.param(asking({}), 0, id="nothing is said"),
        pytest.param(deployment(gpus=0, engine={"args": {"ggufUrl": "x"}}), 0, id="nothing is chosen yet"),
    ],
)
def test_admission_warns_of_what_is_odd_wherever_it_goes(wanted: ModelDeployment, count: int) -> None:
    assert len(admission_warnings(wanted, PROVIDERS)) == count


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@given(text=st.text(max_size=20) | st.sampled_from(["--", "-", "no-", "--no-", "=", "." * 9, "x" * 100_000]))
def test_no_text_breaks_the_advice(name: str, text: str) -> None:
    args = {text: text, "seed": text}
    asked = deployment(engine={"type": "vllm", "args": args, "extraArgs": [text, f"--{text}={text}"]})

    for finding in argument_findings(PROVIDERS[name], asked):
        assert finding.path.startswith("spec.engine")


@pytest.mark.parametrize("name", ["vllm", "llmd", "kuberay", "dynamo"])
def test_an_engine_that_is_spread_over_slices_of_gpus_is_not_let_by_without_a_word(name: str) -> None:
    def found(count: int, args: dict[str, str]) -> list[str]:
        slices = {"gpu": {"count": count, "type": "nvidia.com/mig-3g.40gb"}}
        wanted = asking(args, provider=name, resources=slices)
        assert argument_findings(PROVIDERS[name], wanted) or not admission_warnings(wanted, PROVIDERS)
        return [finding.line for finding in argument_findings(PROVIDERS[name], wanted)]

    (line,) = found(2, {"tensor-parallel-size": "2"})

    assert line.startswith("spec.resources.gpu.count: ") and "2 of nvidia.com/mig-3g.40gb" in line
    assert found(1, {"tensor-parallel-size": "1"}) == []
    assert found(2, {"max-model-len": "4096"}) == []  # which is refused
