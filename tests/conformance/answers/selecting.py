"""`select`: the state of a deployment after one reconcile."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from airunway.api import names
from airunway.api.decision import Decision, SelectionFallback
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection.decide import decide
from tests.conformance.answers.question import Question
from tests.conformance.compare import conditions, some_text
from tests.conformance.diff import Document
from tests.conformance.loader import Vector, provider_configs

FILES = ("random", "shipped", "states", "third_party")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def reconcile_answer(given: dict[str, Any], *, fallback: SelectionFallback) -> dict[str, Any]:
    """The answer of one reconcile in the shape of the vectors."""
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


def compared(answer: dict[str, Any]) -> Document:
    """An answer with its texts read as there or not."""
    engine, provider, image = (answer.get(key) or {} for key in ("engine", "provider", "image"))
    return {
        "phase": answer.get("phase") or None,
        "message": some_text(answer.get("message")),
        "conditions": conditions(answer.get("conditions")),
        "engine": {"type": engine.get("type"), "reason": some_text(engine.get("reason"))},
        "provider": {"name": provider.get("name"), "reason": some_text(provider.get("reason"))},
        "image": {**image, "message": some_text(image.get("message"))},
        "reconcile_error": some_text(answer.get("reconcile_error")),  # ours, of values in memory, has none
    }


def answers(vector: Vector, *, fallback: SelectionFallback) -> tuple[Document, Document]:
    return compared(vector.expect), compared(reconcile_answer(vector.input, fallback=fallback))


SELECTION = Question(
    name="select",
    group="select",
    files=FILES,
    answers=partial(answers, fallback=SelectionFallback.CAPABILITIES),
)
DEFAULT_SELECTION = Question(
    name="select-default",
    group="select",
    files=FILES,
    answers=partial(answers, fallback=SelectionFallback.NONE),
    rules=("select-default", "select"),
)
