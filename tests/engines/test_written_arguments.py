"""What one entry of `engine.args`, and the tokens of `engine.extraArgs`, become on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.engines.arguments import normalised, typed, written
from airunway.engines.grammars import dynamo_sglang, dynamo_vllm, vllm_serve

OLD, NEW = vllm_serve("0.9.1"), vllm_serve("0.33.0")
TRUE = ["true", "True", "YES", "on", "1", " true ", ""]
FALSE = ["false", "No", "OFF", "0"]


@pytest.mark.parametrize("word", TRUE)
@pytest.mark.parametrize("key", ["enable-auto-tool-choice", "enable_auto_tool_choice"])
def test_a_switch_that_is_on_stands_alone(key: str, word: str) -> None:
    assert written(OLD, key, word) == written(NEW, key, word) == [f"--{key}"]


@pytest.mark.parametrize("word", FALSE)
def test_a_switch_that_is_off_is_left_out_or_negated(word: str) -> None:
    assert written(OLD, "enable-auto-tool-choice", word) == []
    assert written(NEW, "enable-auto-tool-choice", word) == ["--no-enable-auto-tool-choice"]
    assert written(OLD, "enable-chunked-prefill", word) == ["--no-enable-chunked-prefill"]
    assert written(dynamo_sglang(), "enable_metrics", word) == []


@pytest.mark.parametrize(
    ("key", "word", "want"),
    [
        ("no-enable-prefix-caching", "", ["--no-enable-prefix-caching"]),
        ("no_enable_prefix_caching", "true", ["--no-enable_prefix_caching"]),
        ("no-enable-prefix-caching", "false", ["--enable-prefix-caching"]),
        ("no-disable-log-stats", "true", []),
        ("no-disable-log-stats", "off", ["--disable-log-stats"]),
        ("ep", "true", ["-ep"]),
        ("ep", "false", ["--no-enable-expert-parallel"]),
    ],
)
def test_a_negated_switch_is_turned_round_by_its_word(key: str, word: str, want: list[str]) -> None:
    assert written(NEW, key, word) == want


@pytest.mark.parametrize(
    ("key", "text", "want"),
    [
        pytest.param("tp", "4", ["-tp", "4"], id="a short form keeps its dash"),
        pytest.param("max_model_len", "1", ["--max_model_len", "1"], id="vLLM reads underscores"),
        pytest.param("max-num-seqs", "1", ["--max-num-seqs", "1"], id="1 is a number where one is wanted"),
        pytest.param("kv-cache-dtype", "off", ["--kv-cache-dtype", "off"], id="a text stays one"),
        pytest.param("seed", "-1", ["--seed", "-1"], id="a negative number"),
        pytest.param("chat-template", "-x", ["--chat-template=-x"], id="what looks like an option"),
        pytest.param("served-model-name", "a b", ["--served-model-name", "a", "b"], id="a list by blanks"),
        pytest.param(
            "served-model-name", '["a b", "c"]', ["--served-model-name", "a b", "c"], id="a JSON list"
        ),
        pytest.param("served-model-name", "'a b' c", ["--served-model-name", "a b", "c"], id="quoted"),
        pytest.param("served-model-name", "it's", ["--served-model-name", "it's"], id="a quote alone"),
        pytest.param(
            "served-model-name", "a,b", ["--served-model-name", "a,b"], id="a comma is part of a text"
        ),
        pytest.param(
            "cudagraph-capture-sizes", "1, 2,4", ["--cudagraph-capture-sizes", "1", "2", "4"], id="numbers"
        ),
        pytest.param(
            "lora-modules",
            '{"name": "a", "path": "b c"}',
            ["--lora-modules", '{"name": "a", "path": "b c"}'],
            id="one JSON document is one value",
        ),
        pytest.param(
            "lora-modules",
            '[{"name": "a", "path": "b"}, "c=d"]',
            ["--lora-modules", '{"name": "a", "path": "b"}', "c=d"],
            id="a list of documents",
        ),
        pytest.param("middleware", "a.B c.D", ["--middleware", "a.B", "--middleware", "c.D"], id="repeated"),
        pytest.param("hf-token", "true", ["--hf-token"], id="an optional value that is switched on"),
        pytest.param("hf-token", "false", [], id="and off"),
        pytest.param("hf-token", "hf_x", ["--hf-token", "hf_x"], id="or given"),
        pytest.param("kv-transfer-config", '{"a": 1}', ["--kv-transfer-config", '{"a": 1}'], id="JSON"),
        pytest.param("enable-lora", "maybe", ["--enable-lora", "maybe"], id="no word for a switch"),
        pytest.param("x-new", "true", ["--x-new", "true"], id="unknown: as it is written"),
        pytest.param("x-new", "", ["--x-new"], id="unknown and bare"),
        pytest.param("multi-step-stream-outputs", "false", ["--no-multi-step-stream-outputs"], id="of 0.9.1"),
    ],
)
def test_each_kind_is_written_in_its_own_way(key: str, text: str, want: list[str]) -> None:
    assert written(NEW, key, text) == want


def test_dynamo_reads_only_dashes() -> None:
    assert written(dynamo_vllm(), "dyn_tool_call_parser", "x") == ["--dyn-tool-call-parser", "x"]
    assert written(dynamo_sglang(), "page_size", "1") == ["--page-size", "1"]


@pytest.mark.parametrize(
    ("tokens", "want"),
    [
        (["--enable-lora=true", "--seed=1"], ["--enable-lora", "--seed=1"]),
        (["--enable-lora", "TRUE", "--seed", "1"], ["--enable-lora", "--seed", "1"]),
        (["--enable-lora", "no"], ["--no-enable-lora"]),
        (["--no-enable_lora=false"], ["--enable_lora"]),
        (["--no_enable_lora"], ["--no_enable_lora"]),
        (["--disable-log-stats=off", "x"], ["x"]),
        (["--no-disable-log-stats"], []),
        (["--enable-lora=maybe"], ["--enable-lora=maybe"]),
        (["--enable-lora", "--seed", "1"], ["--enable-lora", "--seed", "1"]),
        (["--load-format", "true"], ["--load-format", "true"]),
        (["--x-new", "true", "-v", "-1"], ["--x-new", "true", "-v", "-1"]),
        (["--", "--enable-lora", "true"], ["--", "--enable-lora", "true"]),
        (["---enable-lora", "true"], ["---enable-lora", "true"]),
        (["-ep", "true"], ["-ep"]),
    ],
)
def test_extra_arguments_are_verbatim_but_for_a_switch_with_a_word(
    tokens: list[str], want: list[str]
) -> None:
    assert normalised(NEW, tokens) == want


@pytest.mark.parametrize(
    ("key", "texts", "want"),
    [
        ("enable-lora", ["yes"], True),
        ("enable-lora", ["0"], False),
        ("no-enable-lora", [], False),
        ("enable-lora", ["maybe"], "maybe"),
        ("quantization", ["4"], "4"),
        ("max-num-seqs", ["8"], 8),
        ("max-model-len", ["auto"], "auto"),
        ("served-model-name", ["a b"], ["a", "b"]),
        ("served-model-name", ["a b", "c"], ["a b", "c"]),
        ("cudagraph-capture-sizes", ["1,2"], [1, 2]),
        ("kv-transfer-config", ['{"a": 1}'], {"a": 1}),
        ("hf-overrides", ['{"a": 1}'], {"a": 1}),
        ("hf-token", [], True),
        ("x-new", ["true"], True),
        ("x-new", ["1e999"], "1e999"),
    ],
)
def test_an_option_has_the_type_that_the_engine_wants(key: str, texts: list[str], want: Any) -> None:
    assert typed(NEW.meant.find(key), texts) == want
