"""The server's command line."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.provider.testing import deployment
from airunway.providers.llmd.args import server_args
from airunway.providers.llmd.components import components

MODEL = ["--model", "acme/chat-9b"]
NO_CACHING = "--no-enable-prefix-caching"


def arguments(given: ModelDeployment) -> list[str]:
    return server_args(given, components(given)[0])


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        pytest.param({}, [*MODEL, NO_CACHING], id="one form of prefix caching is always there"),
        pytest.param(
            {"engine": {"enablePrefixCaching": True, "enforceEager": True, "trustRemoteCode": True}},
            [*MODEL, "--trust-remote-code", "--enable-prefix-caching", "--enforce-eager"],
            id="switches in the contract's order",
        ),
        pytest.param(
            {"engine": {"contextLength": 0}},
            [*MODEL, "--max-model-len", "0", NO_CACHING],
            id="an explicit zero is passed on",
        ),
        pytest.param({"model": {"id": ""}}, [NO_CACHING], id="no empty model"),
        pytest.param(
            {"model": {"id": ""}, "engine": {"args": {"model": "/models/a"}}},
            [NO_CACHING, "--model", "/models/a"],
            id="a baked model named by the user",
        ),
        pytest.param(
            {"engine": {"contextLength": 4096, "args": {"max_model_len": "8192"}}},
            [*MODEL, NO_CACHING, "--max_model_len", "8192"],
            id="the user's flag replaces the derived one, in any spelling",
        ),
        pytest.param(
            {"gpus": 4, "engine": {"extraArgs": ["-tp", "2"]}},
            [*MODEL, NO_CACHING, "-tp", "2"],
            id="short forms too",
        ),
        pytest.param(
            {"engine": {"enablePrefixCaching": True, "extraArgs": [NO_CACHING]}},
            [*MODEL, NO_CACHING],
            id="a negation replaces the positive form",
        ),
        pytest.param(
            {"engine": {"args": {"enable_prefix_caching": ""}}},
            [*MODEL, "--enable_prefix_caching"],
            id="and the other way round",
        ),
        pytest.param(
            {"engine": {"args": {"b": "2", "B": "1", "a": ""}, "extraArgs": ["--", "-v"]}},
            [*MODEL, NO_CACHING, "--B", "1", "--a", "--b", "2", "--", "-v"],
            id="keys in byte order, then the rest verbatim",
        ),
    ],
)
def test_server_args(fields: dict[str, Any], want: list[str]) -> None:
    assert arguments(deployment(**fields)) == want


def test_flags_follow_the_grammar_of_the_engine() -> None:
    words = {"enable-auto-tool-choice": "true", "enable-chunked-prefill": "off", "disable-log-requests": "0"}
    given = deployment(engine={"args": words, "extraArgs": ["--enable-lora=yes"]})

    flags = ["--enable-auto-tool-choice", "--no-enable-chunked-prefill", "--enable-lora"]
    assert arguments(given) == [*MODEL, NO_CACHING, *flags]


def test_prefill_and_decode_differ_in_their_part_of_the_transfer() -> None:
    group = {"gpu": {"count": 1}}
    given = deployment(gpus=0, serving={"mode": "disaggregated"}, scaling={"prefill": group, "decode": group})

    decode, prefill = (server_args(given, component) for component in components(given))

    transfer = '{"kv_connector":"PyNcclConnector","kv_role":"%s"}'
    assert decode == [*MODEL, NO_CACHING, "--kv-transfer-config", transfer % "kv_consumer"]
    assert prefill == [*MODEL, NO_CACHING, "--kv-transfer-config", transfer % "kv_producer"]


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        pytest.param({"args": {"port": "9000"}}, r"engine\.args: 'port'", id="the port as a key"),
        pytest.param({"extraArgs": ["--port=9000"]}, r"engine\.extraArgs: --port", id="the port as a token"),
        pytest.param({"args": {"--x": ""}}, "not a flag name", id="dashes before a key"),
        pytest.param(
            {"args": {"seed": "1"}, "extraArgs": ["--seed=2"]}, "also set", id="a flag in both fields"
        ),
    ],
)
def test_refuses_flags(engine: dict[str, Any], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        arguments(deployment(engine={"type": "vllm", **engine}))
