"""The command line of a worker."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.provider.testing import deployment
from tests.providers.dynamo.rendered import args, container, disaggregated, engine

ALL = {"contextLength": 4096, "trustRemoteCode": True, "enablePrefixCaching": True, "enforceEager": True}
MODEL = "acme/chat-9b"
NIXL = ["--kv-transfer-config", '{"kv_connector":"NixlConnector","kv_role":"kv_both"}']


@pytest.mark.parametrize(
    ("given", "want"),
    [
        pytest.param(
            engine("vllm", **ALL),
            [
                *("--model", MODEL, "--max-model-len", "4096", "--trust-remote-code"),
                *("--enable-prefix-caching", "--enforce-eager"),
            ],
            id="vllm",
        ),
        pytest.param(
            engine("sglang", **ALL),
            [
                "--model-path",
                MODEL,
                "--context-length",
                "4096",
                "--trust-remote-code",
                "--disable-cuda-graph",
            ],
            id="sglang has other names, and caches prefixes by itself",
        ),
        pytest.param(engine("trtllm", **ALL), ["--model-path", MODEL], id="trtllm has none of them"),
        pytest.param(
            engine("vllm", enablePrefixCaching=False, enforceEager=False),
            ["--model", MODEL, "--no-enable-prefix-caching"],
            id="false is not lost for vllm",
        ),
        pytest.param(
            engine("sglang", enablePrefixCaching=False, contextLength=0),
            ["--model-path", MODEL, "--context-length", "0", "--disable-radix-cache"],
            id="false and 0 are not lost for sglang",
        ),
        pytest.param(engine("vllm"), ["--model", MODEL], id="absent is absent"),
    ],
)
def test_flags_of_typed_fields(given: ModelDeployment, want: list[str]) -> None:
    assert args(given) == want


@pytest.mark.parametrize("kind", ["vllm", "sglang", "trtllm"])
def test_command_is_the_module_of_the_engine(kind: str) -> None:
    assert container(engine(kind))["command"] == ["python3", "-m", f"dynamo.{kind}"]


def test_given_flags_are_sorted_and_an_empty_value_is_a_bare_flag() -> None:
    given = engine("sglang", args={"z-last": "1", "A-first": "2", "a1": "", "connector": "x"})

    assert args(given)[2:] == ["--A-first", "2", "--a1", "--connector", "x", "--z-last", "1"]


def test_connector_is_no_flag_of_vllm() -> None:
    assert args(engine("vllm", args={"connector": "nixl", "dtype": "auto"}))[2:] == ["--dtype", "auto"]


@pytest.mark.parametrize(
    ("kind", "want"),
    [
        pytest.param("vllm", ["--disaggregation-mode", "decode", *NIXL], id="vllm names its connector"),
        pytest.param("sglang", ["--disaggregation-mode", "decode"], id="sglang does not"),
    ],
)
def test_disaggregated_worker_knows_its_role(kind: str, want: list[str]) -> None:
    assert args(disaggregated(engine={"type": kind}), "VllmDecodeWorker")[2:] == want


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"args": {"kv-transfer-config": "{}"}}, id="as key"),
        pytest.param({"extraArgs": ["--kv_transfer_config={}"]}, id="as token, in another spelling"),
    ],
)
def test_own_transfer_configuration_wins(fields: dict[str, Any]) -> None:
    rendered = args(disaggregated(engine=fields), "VllmPrefillWorker")

    assert NIXL[1] not in rendered
    assert any("{}" in token for token in rendered)


def test_extra_args_come_last() -> None:
    given = disaggregated(engine={"args": {"dtype": "auto"}, "extraArgs": ["--seed", "7"]})

    assert args(given, "VllmDecodeWorker") == [
        *("--model", MODEL, "--dtype", "auto", "--disaggregation-mode", "decode", *NIXL, "--seed", "7")
    ]


@pytest.mark.parametrize(
    ("given", "want"),
    [
        pytest.param(engine("vllm", args={"model": "/models/x"}), ["--model", "/models/x"], id="as key"),
        pytest.param(engine("sglang", extraArgs=["--model-path=/m"]), ["--model-path=/m"], id="as token"),
        pytest.param(engine("vllm"), "spec.model.id", id="nowhere"),
    ],
)
def test_model(given: ModelDeployment, want: list[str] | str) -> None:
    given.spec.model.id = ""

    if isinstance(want, str):
        with pytest.raises(RenderError, match=want):
            args(given)
    else:
        assert args(given) == want


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"args": {"disaggregation-mode": "decode"}}, "spec.engine.args", id="as key"),
        pytest.param({"extraArgs": ["--disaggregation_mode=x"]}, "spec.engine.extraArgs", id="as token"),
    ],
)
def test_reserved_flag(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(RenderError, match=field):
        args(disaggregated(engine=fields), "VllmDecodeWorker")

    assert args(deployment(engine=fields))


@pytest.mark.parametrize("key", ["", "-rm", "bad key", "größe"])
def test_key_that_is_no_flag_name(key: str) -> None:
    with pytest.raises(RenderError, match=r"spec\.engine\.args"):
        args(engine("vllm", args={key: "1"}))


def test_flags_follow_the_grammar_of_the_engine() -> None:
    words = {
        "enable-chunked-prefill": "off",
        "exclude_tools_when_tool_choice_none": "no",
        "enable-lora": "true",
    }

    assert args(engine("vllm", args=words, extraArgs=["--enforce-eager=on"])) == [
        *("--model", MODEL, "--no-enable-chunked-prefill", "--enable-lora"),
        *("--no-exclude-tools-when-tool-choice-none", "--enforce-eager"),
    ]


def test_switches_of_sglang_and_trtllm_have_their_own_opposites() -> None:
    sglang = args(
        engine("sglang", args={"enable_metrics": "true", "disable-radix-cache": "false", "tp-size": "2"})
    )
    trtllm = args(engine("trtllm", args={"publish-events-and-metrics": "yes", "enable-attention-dp": "no"}))

    assert sglang == ["--model-path", MODEL, "--enable-metrics", "--tensor-parallel-size", "2"]
    assert trtllm == ["--model-path", MODEL, "--no-enable-attention-dp", "--publish-kv-events"]
