"""The beginning of a flag's name is that flag, as the engines' parsers read it; of several it is none."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.engines.arguments import written
from airunway.engines.findings import findings
from airunway.engines.grammars import (
    NEWEST_VLLM,
    Grammar,
    dynamo_sglang,
    dynamo_vllm,
    vllm_serve,
    without_command_line,
)
from airunway.provider import RenderContext, RenderError
from airunway.provider.devices import device_problem
from airunway.provider.flags import explicit_flags, value_of
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment

VLLM = vllm_serve(NEWEST_VLLM)


def given(*extra: str, **engine: Any) -> ModelDeployment:
    return deployment(engine={"type": "vllm", "extraArgs": list(extra), **engine}, gpus=4)


@pytest.mark.parametrize("grammar", [VLLM, dynamo_vllm(), dynamo_sglang()], ids=lambda entry: entry.title)
def test_the_beginning_of_one_name_is_that_flag(grammar: Grammar) -> None:
    of = given("--tensor-par", "2", "--trust-rem")

    assert {"tensor-parallel-size", "trust-remote-code"} <= explicit_flags(of, grammar)
    assert value_of(of, "tensor-parallel-size", grammar) == "2"
    assert findings(grammar, {}, ["--tensor-par", "2"], owned={}) == []


def test_what_it_stands_for_is_looked_at_like_the_whole() -> None:
    found = findings(
        VLLM,
        {"tensor-par": "many"},
        ["--tensor-parallel-size=2", "--max-model-l=8"],
        owned={"max-model-len": "say it once"},
    )

    assert [entry.line for entry in found] == [
        f"spec.engine.args.tensor-par: {VLLM.title} takes a number for this flag",
        "spec.engine.extraArgs: --tensor-parallel-size: is set by spec.engine.args.tensor-par as well; "
        "the engine takes the last one",
        "spec.engine.extraArgs: --max-model-l: say it once",
    ]


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("tensor-par", "2", ["--tensor-parallel-size", "2"]),
        ("enforce_ea", "true", ["--enforce-eager"]),
        ("enable-prefix-c", "false", ["--no-enable-prefix-caching"]),
        ("no-enable-prefix-c", "true", ["--no-enable-prefix-caching"]),
        ("no-enable-prefix-c", "false", ["--enable-prefix-caching"]),
    ],
)
def test_arguments_are_written_with_the_whole_name(key: str, text: str, wanted: list[str]) -> None:
    assert written(VLLM, key, text) == wanted


def test_the_beginning_of_several_names_is_warned_of() -> None:
    (found,) = findings(VLLM, {}, ["--max-num", "8"], owned={})

    assert found.message.startswith(f"{VLLM.title} refuses it as short for any of max-num-")
    assert found.message.endswith("write the whole name")
    assert "max-num" in explicit_flags(given("--max-num", "8"), VLLM)


def test_a_whole_name_is_never_the_beginning_of_another() -> None:
    assert [
        name for name in VLLM.own.flags if (match := VLLM.own.find(name)) is None or match.name != name
    ] == []


def test_what_reads_no_abbreviations_is_not_said_to() -> None:
    settings = without_command_line("KAITO", VLLM.tables[0])

    assert settings.own.find("tensor-par") is None


# -- in the providers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vllm", "llmd", "kuberay"])
@pytest.mark.parametrize("given_in", ["args", "extraArgs"])
def test_a_flag_that_a_provider_sets_is_refused_by_its_beginning_too(name: str, given_in: str) -> None:
    value: Any = {"por": "80"} if given_in == "args" else ["--por", "80"]
    engine = {"type": "vllm", given_in: value}

    with pytest.raises(RenderError, match=r"'?port'? is set by the provider"):
        installed_providers()[name].render(deployment(engine=engine), RenderContext())


def test_the_tensor_parallel_size_of_the_users_is_the_only_one() -> None:
    rendered = installed_providers()["vllm"].render(given("--tensor-par", "2"), RenderContext())

    args = rendered[0]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [token for token in args if "tensor" in token] == ["--tensor-par"]


def test_slices_of_a_gpu_that_the_user_spreads_an_engine_over_are_taken() -> None:
    slices = {"gpu": {"count": 2, "type": "nvidia.com/mig-1g.10gb"}}
    plain = deployment(resources=slices)
    spread = deployment(resources=slices, engine={"type": "vllm", "extraArgs": ["--tensor-par=2"]})

    assert device_problem(plain, image="") is not None
    assert device_problem(spread, image="") is None
