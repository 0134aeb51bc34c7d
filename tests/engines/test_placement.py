"""A flag without its value, and a word without its flag: said by flag or place, never by the word."""

from __future__ import annotations

import pytest

from airunway.engines.findings import MAX_FINDINGS, findings
from airunway.engines.grammars import Grammar, vllm_serve

VLLM = vllm_serve("0.33.0")


def told(grammar: Grammar, *tokens: str) -> list[str]:
    return [found.line for found in findings(grammar, {}, tokens, owned={})]


@pytest.mark.parametrize(
    "tokens",
    [
        ["--max-model-len", "8k", "--seed", "-1", "-tp", "2", "--enforce-eager"],
        ["--enforce-eager", "true", "--no-enable-prefix-caching", "off"],
        ["--lora-modules", "a=b", "c=d", "--middleware", "a", "--middleware=b"],
        ["--chat-template", "- {{ messages }}", "-O3", "--tool-call-parser=-x"],
        ["--compilation-config.mode", "3", "--seed", "1", "--", "anything"],
        ["--max-model-len", "auto"],
    ],
    ids=" ".join,
)
def test_what_stands_where_it_belongs_is_not_mentioned(tokens: list[str]) -> None:
    assert told(VLLM, *tokens) == []


@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        (["--max-model-len", "--enforce-eager"], "--max-model-len: needs a value, and another flag follows"),
        (["--enforce-eager", "--tensor-parallel-size"], "--tensor-parallel-size: needs a value, and nothing"),
        (["-tp"], "-tp: needs a value, and nothing follows"),
        (["--seed", "--", "1"], "--seed: needs a value, and another flag follows"),
        (["enforce-eager"], "entry 1: follows no flag that takes it"),
        (["--enforce-eager", "hf_secret"], "entry 2: follows no flag that takes it"),
        (["--seed=1", "hf_secret"], "entry 2: follows no flag that takes it"),
        (["--seed", "1", "hf_secret", "--enforce-eager"], "entry 3: follows no flag that takes it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_is_told(tokens: list[str], line: str) -> None:
    [found] = told(VLLM, *tokens)

    assert found.startswith(f"spec.engine.extraArgs: {line}")
    assert "hf_secret" not in found


def test_after_a_flag_that_no_table_knows_anything_may_follow() -> None:
    [found] = told(VLLM, "--of-tomorrow", "a", "b")

    assert "has no such flag" in found


def test_no_more_is_told_than_anybody_reads() -> None:
    assert len(told(VLLM, *["word"] * 100)) == MAX_FINDINGS


@pytest.mark.parametrize("text", ["eight", "ninety percent", "large"])
def test_a_number_has_a_digit(text: str) -> None:
    [found] = findings(VLLM, {"max-model-len": text}, [], owned={})

    assert found.line == "spec.engine.args.max-model-len: vLLM 0.33.0 takes a number for this flag"


@pytest.mark.parametrize("text", ["8192", "8k", "1.5M", "-1", "auto", "None"])
def test_numbers_are_written_in_many_ways(text: str) -> None:
    assert findings(VLLM, {"max-model-len": text}, [], owned={}) == []
