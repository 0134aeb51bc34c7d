"""`select`: the state of a deployment after one pass."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from airunway.api import names
from airunway.api.decision import Decision, SelectionFallback
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.installation.metadata import read_metadata
from airunway.installation.state import lacks_only_its_operator
from airunway.selection.decide import decide
from tests.conformance import compare
from tests.conformance.departures import unexcused
from tests.conformance.loader import Vector, cases, provider_configs

FILES = ("random", "shipped", "states", "third_party")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def pass_over(given: dict[str, Any], *, fallback: SelectionFallback) -> dict[str, Any]:
    """The answer of one pass in the shape of the vectors."""
    try:
        deployment = ModelDeployment.model_validate(given["model_deployment"])
    except ValidationError:
        return answer(given["model_deployment"].get("status") or {})
    status = deployment.status.dump() if deployment.status else {}
    metadata = deployment.metadata
    if metadata.deletion_timestamp or metadata.annotations.get(names.ANNOTATION_PAUSED) == "true":
        return answer(status)
    decision = decide(
        deployment,
        [
            InferenceProviderConfig.model_validate(config)
            for config in provider_configs(given["provider_configs"])
        ],
        alive_since=NOW,
        fallback=fallback,
        selector_enabled=given.get("selector_enabled", True),
    )
    return answer(applied(status, decision))


def applied(status: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """The status after a decision was written."""
    after = dict(status)
    if decision.phase is not None:
        after["phase"] = decision.phase.value
    if decision.message is not None:
        after["message"] = decision.message
    after["engine"] = decision.engine and {
        "type": decision.engine.type,
        "selectedReason": decision.engine.reason,
    }
    after["provider"] = decision.provider and {
        "name": decision.provider.name,
        "selectedReason": decision.provider.reason,
    }
    if decision.clear_image:
        after.pop("image", None)
    if decision.image:
        after["image"] = decision.image.model_dump()
    conditions = {entry["type"]: entry for entry in status.get("conditions", [])}
    for kind in decision.remove_conditions:
        conditions.pop(kind, None)
    conditions |= {entry.type: entry.model_dump(mode="json") for entry in decision.conditions}
    after["conditions"] = list(conditions.values())
    return after


def answer(status: dict[str, Any]) -> dict[str, Any]:
    engine, provider = status.get("engine") or {}, status.get("provider") or {}
    return {
        "engine": engine.get("type") and {"type": engine["type"], "reason": engine.get("selectedReason")},
        "provider": provider.get("name")
        and {"name": provider["name"], "reason": provider.get("selectedReason")},
        "phase": status.get("phase"),
        "message": status.get("message"),
        "conditions": status.get("conditions", []),
        "image": status.get("image"),
    }


def differences(want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    found = compare.differences(want.get("phase") or None, got["phase"] or None, "phase")
    found += compare.presence(want.get("message"), got["message"], "message")
    found += compare.conditions(want.get("conditions") or [], got["conditions"])
    for field, key in (("engine", "type"), ("provider", "name")):
        left, right = want.get(field) or {}, got[field] or {}
        found += compare.differences(left.get(key), right.get(key), f"{field}.{key}")
        found += compare.presence(left.get("reason"), right.get("reason"), f"{field}.reason")
    left, right = want.get("image") or {}, got["image"] or {}
    found += compare.differences(
        {key: value for key, value in left.items() if key != "message"},
        {key: value for key, value in right.items() if key != "message"},
        "image",
    )
    found += compare.presence(left.get("message"), right.get("message"), "image.message")
    if want.get("reconcile_error"):
        found.append("reconcile_error: a pass over values in memory cannot fail")
    return found


@pytest.mark.parametrize("vector", cases("select", FILES))
def test_a_pass_ends_in_the_recorded_state(vector: Vector) -> None:
    got = pass_over(vector.input, fallback=SelectionFallback.CAPABILITIES)

    found = differences(vector.expect, got)
    left, _ = unexcused(found, group=vector.group, file=vector.file, given=vector.input)

    assert not left


@pytest.mark.parametrize("vector", cases("select", FILES))
def test_by_default_only_providers_with_a_matching_rule_are_selected(vector: Vector) -> None:
    got = pass_over(vector.input, fallback=SelectionFallback.NONE)

    found = differences(vector.expect, got)
    left, _ = unexcused(found, group="select-default", file=vector.file, given=vector.input)
    left, _ = unexcused(left, group=vector.group, file=vector.file, given=vector.input)

    assert not left


@pytest.mark.parametrize("vector", cases("select", FILES))
def test_no_recorded_provider_lacks_only_its_operator(vector: Vector) -> None:
    """So what installing operators changes about selection changes no recorded answer."""
    configs = provider_configs(vector.input["provider_configs"])

    found = [
        config["metadata"]["name"]
        for config in configs
        if lacks_only_its_operator(read_metadata(config), config, alive_since=NOW)
    ]

    assert found == []
