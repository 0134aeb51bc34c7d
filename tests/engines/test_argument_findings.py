"""What is odd about arguments: said by name and place, never with a value."""

from __future__ import annotations

import pytest

from airunway.engines.findings import MAX_FINDINGS, findings
from airunway.engines.grammars import Grammar, dynamo_sglang, dynamo_trtllm, dynamo_vllm, vllm_serve

OLD, NEW = vllm_serve("0.9.1"), vllm_serve("0.33.0")


def told(grammar: Grammar, *extra_args: str, **args: str) -> list[str]:
    """`_` stands for a dash, as in the flags."""
    given = {key.replace("_", "-"): value for key, value in args.items()}
    return [found.line for found in findings(grammar, given, extra_args, owned={})]


def test_what_the_engine_takes_is_not_mentioned() -> None:
    tokens = [
        "--seed=1",
        "-dp",
        "2",
        "--compilation-config.mode",
        "3",
        "-v",
        "-O3",
        "--middleware=a",
        "--middleware=b",
    ]

    found = told(NEW, *tokens, enable_auto_tool_choice="true", tool_call_parser="hermes", tp="2")

    assert found == []


@pytest.mark.parametrize(
    ("grammar", "key", "words"),
    [
        (NEW, "enable-auto-tool-choise", "did you mean enable-auto-tool-choice?"),
        (NEW, "maxModelLen", "did you mean max-model-len?"),
        (NEW, "no-enable-prefix-cacheing", "did you mean no-enable-prefix-caching?"),
        (NEW, "gpu_memory_utilisation", "did you mean gpu-memory-utilization?"),
        (NEW, "mem-fraction-static", "is a flag of SGLang; vLLM 0.33.0 has none of that name"),
        (
            NEW,
            "tp-size",
            "is a flag of SGLang; vLLM 0.33.0 has none of that name; did you mean tensor-parallel-size?",
        ),
        (NEW, "n-gpu-layers", "is a flag of llama.cpp"),
        (NEW, "dyn-tool-call-parser", "is a flag of Dynamo's workers"),
        (NEW, "max_num_tokens", "is a flag of trtllm-serve"),
        (NEW, "swap-space", "is a flag of vLLM 0.9.1, not of 0.33.0"),
        (OLD, "enable-log-requests", "is a flag of vLLM 0.33.0, not of 0.9.1"),
        (NEW, "frobnicate", "only if its image is of a version that has it"),
        (dynamo_vllm(), "enable-auto-tool-choice", "vLLM's own HTTP server"),
        (dynamo_vllm(), "tool-call-parser", "set dyn-tool-call-parser instead"),
        (dynamo_vllm(), "router-mode", "is a flag of Dynamo's frontend, not of its workers"),
        (dynamo_sglang(), "max-model-len", "is a flag of vLLM; dynamo.sglang 1.4.2 has none of that name"),
        (dynamo_sglang(), "enable-auto-tool-choice", "set dyn-tool-call-parser"),
        (dynamo_trtllm(), "tp-size", "is a flag of trtllm-serve, which Dynamo does not start"),
    ],
)
def test_a_misspelt_or_misplaced_flag_is_told_with_what_to_do(grammar: Grammar, key: str, words: str) -> None:
    (of_args,) = findings(grammar, {key: ""}, [], owned={})
    (of_tokens,) = findings(grammar, {}, [f"--{key}", "x"], owned={})

    assert of_args.path == f"spec.engine.args.{key}" and words in of_args.message
    assert of_tokens.path == f"spec.engine.extraArgs: --{key}" and of_tokens.message == of_args.message


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("enable-lora", "maybe", "no value for this flag; write true or false"),
        ("max-num-seqs", "true", "a number for this flag, not true or false"),
        ("kv-transfer-config", "yes", "a JSON document for this flag"),
        ("chat-template", "", "a value for this flag, and there is none"),
    ],
)
def test_a_value_of_another_kind_is_told(key: str, text: str, words: str) -> None:
    (found,) = findings(NEW, {key: text}, [], owned={})

    assert words in found.message


def test_one_flag_in_two_spellings_is_told() -> None:
    (found,) = findings(NEW, {"max-model-len": "1", "max_model_len": "2"}, [], owned={})
    (beside,) = findings(NEW, {"tensor-parallel-size": "1"}, ["-tp", "2"], owned={})
    (twice,) = findings(NEW, {}, ["--seed=1", "--seed", "2"], owned={})

    assert "is set by spec.engine.args.max-model-len as well" in found.message
    assert beside.path == "spec.engine.extraArgs: -tp" and "tensor-parallel-size" in beside.message
    assert "is given twice" in twice.message


def test_a_flag_that_somebody_else_sets_is_told() -> None:
    (found,) = findings(NEW, {"model": "x"}, [], owned={"model": "spec.model.id says so"})

    assert found.line == "spec.engine.args.model: spec.model.id says so"


def test_parameters_of_trtllm_are_read_by_rules_of_their_own() -> None:
    assert told(dynamo_trtllm(), "--trtllm.kv_cache_config.free_gpu_memory_fraction", "0.7") == []


def test_values_are_never_told() -> None:
    found = told(NEW, "--api-kee=sk-secret", "sk-secret", api_kay="sk-secret", enable_lora="sk-secret")

    assert len(found) == 3 and not any("sk-secret" in line for line in found)


def test_a_key_that_is_refused_and_what_stands_behind_two_dashes_are_left_out() -> None:
    assert findings(NEW, {"--x=sk-secret": "", "a b": ""}, ["--", "--nonsense"], owned={}) == []


def test_thousands_of_odd_arguments_are_not_all_looked_at() -> None:
    found = findings(NEW, {f"nonsense-{number}": "" for number in range(10_000)}, [], owned={})

    assert len(found) == MAX_FINDINGS + 1 and "were not looked at" in found[-1].message
