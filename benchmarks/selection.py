"""How long selection takes: rules, whole decisions, admission of a file.

    python -m benchmarks.selection

Prints medians. Nothing is asserted: machines differ.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from airunway.api.decision import SelectionFallback
from airunway.api.model_deployment import DeploymentSpec, ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import cel
from airunway.selection.admission import admit
from airunway.selection.cel.compiler import compile_rule
from airunway.selection.cel_input import rule_input
from airunway.selection.decide import decide
from airunway.selection.provider_lookup import lookup_in

FIXTURES = Path(__file__).resolve().parents[1] / "tests/conformance/vectors/fixtures/provider_configs.json"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "model": {"id": "Qwen/Qwen3-8B", "source": "huggingface"},
    "engine": {"trustRemoteCode": False, "enablePrefixCaching": True, "enforceEager": False},
    "serving": {"mode": "aggregated"},
    "scaling": {"replicas": 1},
    "resources": {"gpu": {"count": 2, "type": "nvidia.com/gpu"}},
}
EXPENSIVE = "spec.env.all(a, spec.env.all(b, a.name != 'z' || b.name != 'z'))"


def median_us(run: Callable[[], object], *, rounds: int = 2000) -> float:
    """Median of single runs, in microseconds."""
    run()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        run()
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1000


def show(what: str, microseconds: float) -> None:
    print(f"{what:<72} {microseconds:>10.1f} µs")


def evaluate_once(rule: str, view: Any) -> object:
    return cel.evaluate(rule, cel.Activation(view))


def main() -> None:
    specs = json.loads(FIXTURES.read_text())
    configs = [
        InferenceProviderConfig.model_validate(
            {"metadata": {"name": name}, "spec": spec, "status": {"ready": True}}
        )
        for name, spec in specs.items()
    ]
    rules = [
        rule.condition for config in configs for rule in (config.spec and config.spec.selection_rules) or ()
    ]
    deployment = ModelDeployment.model_validate({"metadata": {"name": "chat"}, "spec": SPEC})
    spec = DeploymentSpec.model_validate(SPEC)
    view = rule_input(spec, engine="vllm")

    show("rule view of one deployment", median_us(lambda: rule_input(spec, engine="vllm")))
    for rule in dict.fromkeys(rules):
        show(f"compile   {rule[:60]}", median_us(partial(compile_rule, rule), rounds=200))
        show(f"evaluate  {rule[:60]}", median_us(partial(evaluate_once, rule, view)))
    many = {"env": [{"name": f"A{number}"} for number in range(3000)]}
    show(
        "evaluate  a hostile rule, until it is cut off",
        median_us(lambda: cel.evaluate(EXPENSIVE, cel.Activation(many)), rounds=10),
    )
    for fallback in SelectionFallback:
        show(
            f"decide    {len(configs)} shipped configs, fallback {fallback.value}",
            median_us(partial(decide, deployment, configs, alive_since=NOW, fallback=fallback)),
        )
    crowd = [
        InferenceProviderConfig.model_validate(
            {"metadata": {"name": f"p{number}"}, "spec": specs["kuberay"], "status": {"ready": True}}
        )
        for number in range(100)
    ]
    show(
        "decide    100 configs with a rule each",
        median_us(lambda: decide(deployment, crowd, alive_since=NOW), rounds=200),
    )
    lookup = lookup_in(configs)
    obj = {"metadata": {"name": "chat"}, "spec": SPEC}
    show("admit     one file", median_us(lambda: admit(obj, lookup=lookup), rounds=500))


if __name__ == "__main__":
    main()
