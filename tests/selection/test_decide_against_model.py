"""`decide` against a second, naive reading of core.md §6 and §7, and against what must always hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from airunway.api.decision import Decision, Outcome, SelectionFallback
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection.decide import decide
from tests.selection.build import ALIVE_SINCE

ENGINES = ["vllm", "sglang", "trtllm", "llamacpp"]
MODES = ["aggregated", "disaggregated"]
RULES = {
    "true": lambda spec, engine: True,
    "false": lambda spec, engine: False,
    "spec.engine.type == 'vllm'": lambda spec, engine: engine == "vllm",
    "has(spec.resources.gpu) && spec.resources.gpu.count > 1": lambda spec, engine: gpus(spec) > 1,
    "!has(spec.resources.gpu) || spec.resources.gpu.count == 0": lambda spec, engine: gpus(spec) == 0,
    "has(spec.serving) && spec.serving.mode == 'disaggregated'": lambda spec, engine: mode(spec) == MODES[1],
    "spec.nowhere.key": lambda spec, engine: False,
    "broken (": lambda spec, engine: False,
}

offers = st.fixed_dictionaries(
    {
        "name": st.sampled_from(ENGINES),
        "servingModes": st.lists(st.sampled_from(MODES), unique=True),
        "gpuSupport": st.booleans(),
        "cpuSupport": st.booleans(),
    }
)
rules = st.lists(
    st.fixed_dictionaries({"condition": st.sampled_from(sorted(RULES)), "priority": st.integers(0, 5)}),
    max_size=3,
)
configs = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.booleans() | st.just(True),
        st.lists(offers, max_size=4, unique_by=lambda entry: entry["name"]) | st.none(),
        rules,
    ),
    max_size=4,
    unique_by=lambda entry: entry[0],
)
specs = st.fixed_dictionaries(
    {"model": st.just({"id": "o/m"})},
    optional={
        "engine": st.just({}) | st.sampled_from(ENGINES).map(lambda name: {"type": name}),
        "provider": st.sampled_from(["a", "b", "ghost"]).map(lambda name: {"name": name}),
        "serving": st.sampled_from(MODES).map(lambda name: {"mode": name}),
        "resources": st.just({}) | st.integers(0, 3).map(lambda count: {"gpu": {"count": count}}),
        "scaling": st.just({"prefill": {"gpu": {"count": 1}}, "decode": {"gpu": {"count": 1}}}),
    },
)
statuses = st.fixed_dictionaries(
    {},
    optional={
        "engine": st.sampled_from(ENGINES).map(lambda name: {"type": name}),
        "provider": st.sampled_from(["a", "c", "ghost"]).map(lambda name: {"name": name}),
        "phase": st.sampled_from(["Pending", "Running", "Failed"]),
        "message": st.sampled_from(["out of memory", "Validation failed: x"]),
    },
)


def mode(spec: dict[str, Any]) -> str:
    return str((spec.get("serving") or {}).get("mode") or "aggregated")


def gpus(spec: dict[str, Any]) -> int:
    return int(((spec.get("resources") or {}).get("gpu") or {}).get("count") or 0)


def registered(drawn: list[Any]) -> list[InferenceProviderConfig]:
    return [
        InferenceProviderConfig.model_validate(
            {
                "metadata": {"name": name},
                "spec": {
                    **({} if engines is None else {"capabilities": {"engines": engines}}),
                    "selectionRules": provider_rules,
                },
                "status": {"ready": ready},
            }
        )
        for name, ready, engines, provider_rules in drawn
    ]


def fits(spec: dict[str, Any], entry: dict[str, Any]) -> bool:
    on_gpu = gpus(spec) > 0 or mode(spec) == "disaggregated"
    return mode(spec) in entry["servingModes"] and entry["gpuSupport" if on_gpu else "cpuSupport"]


def naive_engine(spec: dict[str, Any], status: dict[str, Any], drawn: list[Any]) -> str | None:
    named = (spec.get("engine") or {}).get("type")
    if named:
        return str(named)
    if (status.get("engine") or {}).get("type") and (status.get("provider") or {}).get("name"):
        return str(status["engine"]["type"])
    pin = (spec.get("provider") or {}).get("name")
    if pin in [name for name, *_ in drawn]:
        drawn = [entry for entry in drawn if entry[0] == pin]
    on_offer = {
        entry["name"]
        for _, ready, engines, _ in drawn
        if ready
        for entry in engines or []
        if fits(spec, entry)
    }
    return next((engine for engine in ENGINES if engine in on_offer), None)


def naive_provider(
    spec: dict[str, Any], engine: str, drawn: list[Any], fallback: SelectionFallback
) -> str | None:
    scores = {}
    for name, ready, engines, provider_rules in drawn:
        if not ready or not any(entry["name"] == engine and fits(spec, entry) for entry in engines or []):
            continue
        matching = [rule["priority"] for rule in provider_rules if RULES[rule["condition"]](spec, engine)]
        if matching or fallback is SelectionFallback.CAPABILITIES:
            scores[name] = max(matching, default=0)
    best = max(scores.values(), default=None)
    return min((name for name, score in scores.items() if score == best), default=None)


def outcome_of(spec: Any, status: Any, drawn: Any, fallback: SelectionFallback) -> Decision:
    deployment = ModelDeployment.model_validate(
        {"metadata": {"name": "x", "generation": 3}, "spec": spec, "status": status}
    )
    return decide(deployment, registered(drawn), alive_since=ALIVE_SINCE, fallback=fallback)


@settings(max_examples=300)
@given(specs, configs, st.sampled_from(SelectionFallback))
def test_a_first_reconcile_agrees_with_the_naive_reading(
    spec: dict[str, Any], drawn: list[Any], fallback: SelectionFallback
) -> None:
    decision = outcome_of(spec, {}, drawn, fallback)

    engine = naive_engine(spec, {}, drawn)
    assert (decision.engine.type if decision.engine else None) == engine
    if decision.outcome in (Outcome.OK, Outcome.PROVIDER_FAILED) and engine:
        named = (spec.get("provider") or {}).get("name")
        want = named or naive_provider(spec, engine, drawn, fallback)
        assert (decision.provider.name if decision.provider else None) == want


@settings(max_examples=300)
@given(specs, statuses, configs, st.sampled_from(SelectionFallback))
def test_what_always_holds(
    spec: dict[str, Any], status: dict[str, Any], drawn: list[Any], fallback: SelectionFallback
) -> None:
    decision = outcome_of(spec, status, drawn, fallback)

    ok = decision.outcome is Outcome.OK
    before = (status.get("provider") or {}).get("name")
    assert decision == outcome_of(spec, status, drawn[::-1], fallback)
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
    assert ok == (not decision.finding)
    assert ok == all(entry.status.value == "True" for entry in decision.conditions)
    assert not ok or (decision.provider is not None and decision.engine is not None)
    if before:  # a hand-over is never taken back
        assert decision.provider is not None and decision.provider.name == before
        assert not decision.newly_selected
        if (status.get("engine") or {}).get("type") and not (spec.get("engine") or {}).get("type"):
            assert decision.engine is not None and decision.engine.type == status["engine"]["type"]
    if not ok:
        assert decision.message and decision.finding in decision.message
    if not status.get("phase"):
        assert decision.phase is not None
    assert len(decision.model_dump_json()) < 20_000
