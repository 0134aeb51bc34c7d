"""What dashboard, alerts and documentation name exists in the code, and what is counted stays countable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from airunway.metrics import families
from airunway.metrics.labels import OTHER, FewValues, phase_label
from airunway.metrics.registry import CLUSTER, DEFINITIONS, EXPOSITION, Served
from tests.metrics.scraping import series
from tools.generate import metrics_tables
from tools.generate.metrics_tables import DASHBOARD, TARGET, rules

CONTRACT = {
    "airunway_reconciliation_duration_seconds": ("histogram", ("provider",)),
    "airunway_reconciliation_errors_total": ("counter", ("provider", "error_type")),
    "airunway_provider_selection_total": ("counter", ("provider", "reason")),
    "airunway_deployment_replicas": ("gauge", ("provider", "state")),
    "airunway_deployment_status": ("gauge", ("provider", "phase")),
    "airunway_deployment_phase_transitions_total": ("counter", ("provider", "from_phase", "to_phase")),
    "airunway_deployment_ready_duration_seconds": ("histogram", ("provider",)),
    "airunway_deployment_provision_duration_seconds": ("histogram", ("provider",)),
}
"""Source: core.md §15."""
OF_HISTOGRAMS = ("_bucket", "_count", "_sum")
ADDED = {CLUSTER, "instance", "le"}
"""Labels that a series has besides its own."""
OF_OTHERS = {"process_resident_memory_bytes"}


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression stands, and the expression."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def base_of(name: str) -> str:
    for suffix in OF_HISTOGRAMS:
        base = name.removesuffix(suffix)
        if base != name and base in DEFINITIONS:
            assert DEFINITIONS[base].kind == "histogram", name
            return base
    return name


def test_the_contracts_metrics_have_its_names_types_and_labels() -> None:
    found = {name: (DEFINITIONS[name].kind, DEFINITIONS[name].labels) for name in CONTRACT}

    assert found == CONTRACT
    assert families.PASS_BUCKETS == (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
    assert families.ROLLOUT_BUCKETS == (10, 30, 60, 120, 300, 600, 1200, 1800, 3600)


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda value: str(value)[:40])
def test_every_metric_and_label_of_an_expression_exists(where: str, expression: str) -> None:
    names = set(re.findall(r"\b(?:airunway|process)_[a-z_]+\b", expression))
    assert names
    bases = {base_of(name) for name in names}
    assert bases <= set(DEFINITIONS) | OF_OTHERS
    labels = {label for base in bases if base in DEFINITIONS for label in DEFINITIONS[base].labels} | ADDED
    used = {word for group in re.findall(r"by \(([^)]*)\)", expression) for word in group.split(", ")}
    used |= set(re.findall(r'(\w+)=~?"', expression))
    assert used <= labels


def test_every_metric_is_on_the_dashboard() -> None:
    text = DASHBOARD.read_text()

    assert [name for name in DEFINITIONS if name not in text] == []


def test_panels_do_not_lie_over_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert {"summary", "description", "action"} == set(rule["annotations"])
    assert [text for text in rule["annotations"].values() if not text.strip().endswith(".")] == []


def test_the_tables_are_those_of_now() -> None:
    text = TARGET.read_text()

    assert metrics_tables.updated(text) == text, "stale; run: python3 dev.py generate"


def test_a_label_takes_only_so_many_values() -> None:
    few = FewValues(limit=3)

    assert [few.take(f"value-{number}") for number in range(5)] == [
        "value-0",
        "value-1",
        "value-2",
        OTHER,
        OTHER,
    ]
    assert (few.shown("value-1"), few.shown("never")) == ("value-1", OTHER)


def test_the_first_operation_on_an_operator_is_seen_by_increase() -> None:
    families.register_provider("kaito")

    (family,) = families.INSTALLATION_SECONDS.collect()
    begun = {
        (sample.labels["operation"], sample.labels["outcome"])
        for sample in family.samples
        if sample.name.endswith("_count") and sample.labels["provider"] == "kaito"
    }
    assert begun >= {(operation, end) for operation in families.OPERATIONS for end in ("succeeded", "failed")}


def test_a_phase_is_one_of_five() -> None:
    assert [phase_label(text) for text in ("Running", "", 'x"}\n')] == ["Running", "", OTHER]


def test_a_process_serves_what_it_knows_and_nothing_of_others() -> None:
    def names() -> set[str]:
        return {name for name, _ in series(EXPOSITION.text())}

    assert "airunway_ready" in names() and "process_resident_memory_bytes" in names()
    EXPOSITION.serve(Served.WEBHOOK)
    assert "airunway_webhook_certificate_expiry_timestamp_seconds" in names()
    EXPOSITION.withdraw(Served.WEBHOOK)
    assert "airunway_webhook_certificate_expiry_timestamp_seconds" not in names()
