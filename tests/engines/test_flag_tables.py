"""The generated tables: what they say of flags that everybody knows, and how a flag is found in them."""

from __future__ import annotations

import pytest

from airunway.engines import grammars
from airunway.engines.flag_table import FlagKind, FlagTable, Match
from airunway.engines.grammars import Grammar

ALL = [
    *(pytest.param(grammars.vllm_serve(version), id=f"vllm {version}") for version in grammars.VLLM_VERSIONS),
    pytest.param(grammars.ray_serve_llm(), id="ray"),
    pytest.param(grammars.dynamo_vllm(), id="dynamo.vllm"),
    pytest.param(grammars.dynamo_sglang(), id="dynamo.sglang"),
    pytest.param(grammars.dynamo_trtllm(), id="dynamo.trtllm"),
]


@pytest.mark.parametrize("grammar", ALL)
def test_a_table_is_whole(grammar: Grammar) -> None:
    for table in grammar.tables:
        assert table.flags and set(table.aliases.values()) <= table.flags.keys()
    assert len(grammar.own.flags) > 40
    assert all(grammar.own.find(name) for name in ("model", "served-model-name", "tensor-parallel-size"))


@pytest.mark.parametrize(
    ("grammar", "written", "want"),
    [
        pytest.param(
            grammars.vllm_serve("0.9.1"),
            "enable-auto-tool-choice",
            Match("enable-auto-tool-choice", FlagKind.SWITCH),
            id="a switch without an opposite in 0.9.1",
        ),
        pytest.param(
            grammars.vllm_serve("0.26.0"),
            "--enable_auto_tool_choice",
            Match("enable-auto-tool-choice", FlagKind.NEGATABLE),
            id="which has one since",
        ),
        pytest.param(
            grammars.vllm_serve("0.33.0"),
            "no_enable_prefix_caching",
            Match("enable-prefix-caching", FlagKind.NEGATABLE, negated=True),
            id="the opposite itself",
        ),
        pytest.param(
            grammars.vllm_serve("0.33.0"),
            "-tp=2",
            Match("tensor-parallel-size", FlagKind.NUMBER, short="-tp"),
            id="a short form",
        ),
        pytest.param(grammars.vllm_serve("0.33.0"), "--n", None, id="two dashes before a short form"),
        pytest.param(grammars.vllm_serve("0.33.0"), "-model", None, id="one dash before a long name"),
        pytest.param(
            grammars.vllm_serve("0.33.0"),
            "--compilation-config.mode",
            Match("compilation-config", FlagKind.JSON),
            id="a part of a JSON document",
        ),
        pytest.param(
            grammars.vllm_serve("0.26.0"),
            "served-model-name",
            Match("served-model-name", FlagKind.LIST),
            id="a list",
        ),
        pytest.param(
            grammars.vllm_serve("0.26.0"),
            "middleware",
            Match("middleware", FlagKind.REPEATED),
            id="given again",
        ),
        pytest.param(
            grammars.vllm_serve("0.26.0"),
            "cudagraph-capture-sizes",
            Match("cudagraph-capture-sizes", FlagKind.NUMBERS),
            id="numbers",
        ),
        pytest.param(
            grammars.vllm_serve("0.26.0"),
            "max-lora-rank",
            Match("max-lora-rank", FlagKind.NUMBER),
            id="a choice of numbers",
        ),
        pytest.param(
            grammars.dynamo_sglang(),
            "tp-size",
            Match("tensor-parallel-size", FlagKind.NUMBER),
            id="a second long name",
        ),
        pytest.param(
            grammars.dynamo_sglang(),
            "enable-metrics",
            Match("enable-metrics", FlagKind.SWITCH),
            id="a switch of SGLang",
        ),
        pytest.param(grammars.dynamo_vllm(), "tool-call-parser", None, id="the worker is no HTTP server"),
        pytest.param(
            grammars.dynamo_vllm(),
            "dyn-tool-call-parser",
            Match("dyn-tool-call-parser", FlagKind.TEXT),
            id="Dynamo's own",
        ),
        pytest.param(
            grammars.dynamo_trtllm(),
            "publish-kv-events",
            Match("publish-kv-events", FlagKind.NEGATABLE),
            id="of its wrapper",
        ),
    ],
)
def test_a_flag_is_found_in_any_spelling(grammar: Grammar, written: str, want: Match | None) -> None:
    assert grammar.own.find(written) == want


def test_what_only_a_switch_has_is_an_opposite() -> None:
    table = FlagTable("x", {"size": FlagKind.NUMBER, "eager": FlagKind.SWITCH})

    assert table.find("no-size") is None
    assert table.find("no-eager") == Match("eager", FlagKind.SWITCH, negated=True)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("vllm/vllm-openai:v0.9.1", "0.9.1"),
        ("vllm/vllm-openai:v0.18.1-cu130", "0.18.0"),
        ("registry.example.com/a/vllm-openai:v0.32.0", "0.26.0"),
        ("vllm/vllm-openai:v1.2.3", "0.33.0"),
        ("vllm/vllm-openai:v0.6.0", "0.9.1"),
        ("vllm/vllm-openai:latest", "0.33.0"),
        ("vllm/vllm-openai:v0.9.1@sha256:0123", "0.9.1"),
        ("registry.example.com:5000/mine:v0.9.1", "0.33.0"),
        ("nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.1.1", "0.33.0"),
        ("", "0.33.0"),
    ],
)
def test_the_tag_of_a_vllm_image_tells_the_table(image: str, version: str) -> None:
    assert grammars.vllm_release(image, default="0.33.0") == version
