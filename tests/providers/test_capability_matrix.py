"""What the shipped providers can do and which is chosen, from what they register; docs/providers.md too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from airunway.api.decision import Outcome
from airunway.api.provider_config import InferenceProviderConfig
from airunway.provider.contract import Provider
from airunway.provider.registry import installed_providers
from airunway.selection.decide import decide
from tests.selection.build import ALIVE_SINCE, deployment

PROVIDERS = installed_providers()
DOCS = Path(__file__).resolve().parents[2] / "docs" / "providers.md"

ALWAYS, RULES, CONFIGURED, EXPLICIT = (
    "yes",
    "via rules",
    "explicit or configured rules only",
    "explicit only",
)
MATRIX = {
    "": ["KAITO", "Dynamo", "KubeRay", "llm-d", "Direct vLLM"],
    "CPU inference": ["yes", "no", "no", "no", "no"],
    "GPU inference": ["yes", "yes", "yes", "yes", "yes"],
    "vllm": ["yes", "yes", "yes", "yes", "yes"],
    "sglang, trtllm": ["no", "yes", "no", "no", "no"],
    "llamacpp": ["yes", "no", "no", "no", "no"],
    "disaggregated prefill/decode": ["no", "yes", "yes", "yes", "no"],
    "self-managed InferencePool and EPP": ["no", "yes", "no", "no", "no"],
    "customizable EPP image/config": ["no", "no", "no", "yes", "no"],
    "auto-selection": [ALWAYS, ALWAYS, RULES, CONFIGURED, EXPLICIT],
}


def registered(provider: Provider, **spec: Any) -> InferenceProviderConfig:
    """Its config, ready; `spec` is laid over what it registers."""
    return InferenceProviderConfig.model_validate(
        {
            "metadata": {"name": provider.name},
            "spec": {**provider.registration().spec, **spec},
            "status": {"ready": True},
        }
    )


CONFIGS = [registered(provider) for provider in PROVIDERS.values()]


def choice(configs: Sequence[InferenceProviderConfig] = CONFIGS, **asked: Any) -> tuple[str, str]:
    """Engine and provider of a deployment; empty when it gets none."""
    decision = decide(deployment(**asked), configs, alive_since=ALIVE_SINCE)
    if decision.outcome is not Outcome.OK or not decision.engine or not decision.provider:
        return "", ""
    return decision.engine.type, decision.provider.name


def specs() -> list[dict[str, Any]]:
    """Every combination of what selection looks at; disaggregated workers have their GPUs elsewhere."""
    group = {"replicas": 1, "gpu": {"count": 1}}
    split = {"scaling": {"prefill": group, "decode": group}}
    engines = ("vllm", "sglang", "trtllm", "llamacpp", None)
    found: list[dict[str, Any]] = [
        {"engine": engine, "gpus": gpus} for engine, gpus in product(engines, (None, 0, 1, 2, 8))
    ]
    found += [{"engine": engine, "mode": "disaggregated", "spec": split} for engine in engines]
    return found


def auto_selection(provider: Provider) -> str:
    registration = provider.registration()
    if not registration.spec.get("selectionRules"):
        return CONFIGURED if registration.keeps_rules else EXPLICIT
    chosen: dict[str, set[str]] = {}
    for asked in specs():
        engine, name = choice(**asked)
        chosen.setdefault(engine, set()).add(name)
    return ALWAYS if any(names == {provider.name} for names in chosen.values()) else RULES


def column(provider: Provider) -> list[str]:
    """The provider's column of the matrix."""
    registration = provider.registration()
    engines: list[Mapping[str, Any]] = registration.spec["capabilities"]["engines"]
    offered = {engine["name"] for engine in engines}
    modes = {mode for engine in engines for mode in engine["servingModes"]}
    gateways = [engine.get("gateway") or {} for engine in engines]
    facts = [
        any(engine.get("cpuSupport") for engine in engines),
        any(engine.get("gpuSupport") for engine in engines),
        "vllm" in offered,
        {"sglang", "trtllm"} <= offered,
        "llamacpp" in offered,
        "disaggregated" in modes,
        any(gateway.get("managesInferencePool") for gateway in gateways),
        any(gateway.get("endpointPicker") for gateway in gateways),
    ]
    title = registration.annotations["airunway.ai/display-name"]
    return [title, *("yes" if fact else "no" for fact in facts), auto_selection(provider)]


def test_the_matrix_follows_from_what_is_registered() -> None:
    order = [PROVIDERS[name] for name in ("kaito", "dynamo", "kuberay", "llmd", "vllm")]
    columns = [column(provider) for provider in order]

    assert dict(zip(MATRIX, map(list, zip(*columns, strict=True)), strict=True)) == MATRIX
    assert len(order) == len(PROVIDERS)


SPLIT = {"scaling": {role: {"replicas": 1, "gpu": {"count": 1}} for role in ("prefill", "decode")}}
SHIPPED = [
    ("no GPU", {}, ("llamacpp", "kaito")),
    ("no GPU", {"gpus": 0}, ("llamacpp", "kaito")),
    ("engine llamacpp", {"engine": "llamacpp", "gpus": 1}, ("llamacpp", "kaito")),
    ("engine trtllm", {"engine": "trtllm", "gpus": 1}, ("trtllm", "dynamo")),
    ("engine trtllm", {"engine": "trtllm", "gpus": 8}, ("trtllm", "dynamo")),
    ("engine sglang", {"engine": "sglang", "gpus": 1}, ("sglang", "dynamo")),
    ("engine sglang", {"engine": "sglang", "gpus": 8}, ("sglang", "dynamo")),
    ("disaggregated serving", {"mode": "disaggregated", "spec": SPLIT}, ("vllm", "dynamo")),
    ("one GPU", {"gpus": 1}, ("vllm", "dynamo")),
    ("one GPU", {"engine": "vllm", "gpus": 1}, ("vllm", "dynamo")),
    ("more than one GPU", {"gpus": 2}, ("vllm", "kuberay")),
    ("more than one GPU", {"engine": "vllm", "gpus": 8}, ("vllm", "kuberay")),
]


@pytest.mark.parametrize(("reason", "asked", "want"), SHIPPED, ids=lambda value: str(value))
def test_the_shipped_selection(reason: str, asked: dict[str, Any], want: tuple[str, str]) -> None:
    assert choice(**asked) == want


@pytest.mark.parametrize("name", ["llmd", "vllm"])
def test_without_rules_a_provider_is_taken_by_name_only(name: str) -> None:
    alone = [config for config in CONFIGS if config.name == name]

    assert {choice(alone, **asked)[1] for asked in specs()} == {""}
    assert choice(gpus=1, provider=name) == ("vllm", name)


def test_rules_that_an_administrator_configures_count() -> None:
    rules = [{"condition": "spec.model.id == 'o/m'", "priority": 300}]
    configured = registered(PROVIDERS["llmd"], selectionRules=rules)
    configs = [configured if config.name == "llmd" else config for config in CONFIGS]

    assert choice(configs, gpus=1) == ("vllm", "llmd")


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text, as rows of cells, without the rule under the heading."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if not line.startswith("|"):
            found.append([])
        elif not line.startswith("| ---"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return [table for table in found if table]


def test_the_documentation_has_the_same_tables() -> None:
    titles = {
        provider.registration().annotations["airunway.ai/display-name"]: provider.name
        for provider in PROVIDERS.values()
    }
    matrix, selection, *_ = tables(DOCS.read_text())

    assert {row[0]: row[1:] for row in matrix} == MATRIX
    documented = {reason: (engine, titles[title]) for reason, engine, title in selection[1:]}
    assert documented == {reason: want for reason, _, want in SHIPPED}
