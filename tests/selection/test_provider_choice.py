from __future__ import annotations

from typing import Any

import pytest

from airunway.api.decision import SelectionFallback
from airunway.api.provider_config import InferenceProviderConfig, SelectionRule
from airunway.selection.provider_choice import (
    MAX_CANDIDATES,
    MAX_RULE_ERRORS,
    MAX_RULES,
    MAX_RULES_LENGTH,
    Choice,
    choose_provider,
)
from tests.selection.build import ALIVE_SINCE, CPU_RULE, config, deployment, offer, seconds_ago

NONE, CAPABILITIES = SelectionFallback.NONE, SelectionFallback.CAPABILITIES


def choose(
    *configs: InferenceProviderConfig,
    engine: str = "vllm",
    gpus: int | None = 1,
    fallback: SelectionFallback = NONE,
    spec: dict[str, Any] | None = None,
) -> Choice:
    return choose_provider(
        deployment(engine=engine, gpus=gpus, spec=spec),
        configs,
        engine=engine,
        alive_since=ALIVE_SINCE,
        fallback=fallback,
    )


def test_the_highest_priority_wins_then_the_first_name_in_byte_order() -> None:
    rules = {"true": 10}
    configs = [config(name, offer("vllm"), rules=rules) for name in ("b-1", "a2", "a-2")]

    tie = choose(*configs)
    outbid = choose(*configs, config("z", offer("vllm"), rules={"true": 11}))

    assert tie.provider is not None and tie.provider.name == "a-2"
    assert outbid.provider is not None and outbid.provider.name == "z"
    assert tie.provider.reason == "matched capabilities: engine=vllm, gpu=true, mode=aggregated"


def test_candidates_say_score_rule_and_why_not() -> None:
    choice = choose(
        config("a", offer("vllm"), rules={"spec.engine.type": 99}),
        config("b", offer("vllm"), rules={"true": 5, "spec.resources.gpu.count > 0": 7}),
        config("c", offer("vllm"), rules={"true": 7}),
        config("d", offer("vllm"), rules={"false": 90}),
        config("e", offer("vllm")),
        config("f", offer("sglang")),
        config("g", offer("vllm", gpu=False)),
        config("h", offer("vllm"), ready=False),
        config("i", offer("vllm", modes=())),
        config("j", capabilities=False),
        config("k", offer("vllm"), heartbeat=seconds_ago(3600)),
    )

    found = {candidate.provider: candidate for candidate in choice.candidates}
    assert choice.provider is not None and choice.provider.name == "b"
    assert (found["b"].score, found["b"].rule, found["b"].why_not) == (7, "spec.resources.gpu.count > 0", "")
    assert {name: candidate.why_not for name, candidate in found.items() if name not in "abk"} == {
        "c": "same score 7 as b, which comes first by name",
        "d": "no selection rule matches",
        "e": "has no selection rules",
        "f": "does not support engine vllm",
        "g": "offers engine vllm without GPU support",
        "h": "not ready",
        "i": "does not support aggregated mode for engine vllm",
        "j": "declares no capabilities",
    }
    assert found["a"].rule_errors == ["rule 0: the condition is a string, not a bool"]
    assert found["a"].why_not.startswith("no selection rule matches (rule 0: ")
    assert found["k"].why_not.startswith("not ready: last heartbeat ")
    assert [name for name, candidate in found.items() if candidate.would_accept] == ["a", "b", "c", "d", "e"]


def test_a_provider_without_a_matching_rule_is_explicit_only() -> None:
    configs = [config("plain", offer("vllm")), config("picky", offer("vllm"), rules={"false": 1})]

    explicit_only = choose(*configs)
    as_reference = choose(*configs, fallback=CAPABILITIES)

    assert explicit_only.provider is None
    assert explicit_only.error == (
        "no compatible provider found for this configuration "
        "(picky: no selection rule matches; plain: has no selection rules); "
        "set spec.provider.name to use one of: picky, plain"
    )
    assert as_reference.provider is not None and as_reference.provider.name == "picky"


def test_a_rule_of_priority_zero_is_still_a_rule() -> None:
    choice = choose(config("a", offer("vllm")), config("b", offer("vllm"), rules={"true": 0}))

    assert choice.provider is not None and choice.provider.name == "b"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "no resources at all"),
        ({"resources": {}}, "empty resources"),
        ({"resources": {"memory": "8Gi"}}, "resources without GPU"),
        ({"resources": {"gpu": {"count": 0, "type": "nvidia.com/gpu"}}}, "no GPUs"),
    ],
)
def test_every_spelling_of_no_gpu_matches_the_shipped_rule(spec: dict[str, Any], reason: str) -> None:
    kaito = config("kaito", offer("llamacpp", cpu=True), rules={CPU_RULE: 100})

    choice = choose(kaito, engine="llamacpp", gpus=None, spec=spec)

    assert choice.provider is not None, reason
    assert choice.candidates[0].score == 100


def test_errors_without_any_candidate() -> None:
    nobody = choose()
    asleep = choose(config("a", offer("vllm"), rules={"true": 1}, ready=False))
    unfit = choose(config("a", offer("sglang"), rules={"true": 1}))

    assert nobody.error == "no providers registered (InferenceProviderConfig resources not found)"
    assert asleep.error == "no healthy providers available (a: not ready)"
    assert unfit.error == (
        "no compatible provider found for this configuration (a: does not support engine vllm)"
    )


def test_a_long_list_of_providers_gives_a_short_error() -> None:
    choice = choose(*(config(f"provider-{number:04}", offer("vllm")) for number in range(1000)))

    assert len(choice.candidates) == MAX_CANDIDATES
    assert len(choice.error) < 4000
    assert "970 more" in choice.error


def test_the_chosen_one_is_always_among_the_candidates() -> None:
    plain = [config(f"provider-{number:04}", offer("vllm")) for number in range(100)]

    choice = choose(*plain, config("zz", offer("vllm"), rules={"true": 1}))

    assert choice.provider is not None and choice.provider.name == "zz"
    assert choice.candidates[-1].provider == "zz"
    assert len(choice.candidates) == MAX_CANDIDATES


def test_rules_beyond_the_length_limit_are_not_looked_at() -> None:
    padding = " " * 8000
    rules = {f"false{padding}// {number}": 1 for number in range(MAX_RULES_LENGTH // 8000)}

    choice = choose(config("a", offer("vllm"), rules={**rules, "true": 9}))

    assert choice.provider is None
    assert "characters together" in choice.candidates[0].rule_errors[-1]


def test_rules_beyond_their_number_are_not_looked_at() -> None:
    wrong = config("a", offer("vllm"))
    assert wrong.spec is not None
    wrong.spec.selection_rules = [SelectionRule(condition="", priority=1) for _ in range(100_000)]

    choice = choose(wrong)

    errors = choice.candidates[0].rule_errors
    assert len(errors) == MAX_RULE_ERRORS + 1
    assert errors[-1].startswith(f"rule {MAX_RULES}: the rules before it and this one are more than")


def test_rules_see_the_resolved_engine() -> None:
    bravo = config("bravo", offer("sglang"), rules={"spec.engine.type == 'sglang'": 3})

    choice = choose_provider(
        deployment(gpus=1),
        [config("alpha", offer("sglang")), bravo],
        engine="sglang",
        alive_since=ALIVE_SINCE,
        fallback=NONE,
    )

    assert choice.provider is not None and choice.provider.name == "bravo"
