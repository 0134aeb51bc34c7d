"""Where the webhooks differ from the reference on purpose; the groups are those of tests/webhook."""

from __future__ import annotations

import re
from typing import Any

from airunway.api import names
from tests.conformance.departures import Departure, Given, Predicate
from tests.conformance.departures import _dynamo_given as dynamo
from tests.conformance.departures import _given as ask
from tests.conformance.departures._selection_given import registered


def judged(obj: Given) -> Any:
    annotations = obj["metadata"].get("annotations") or {}
    return obj["spec"], annotations.get(names.ANNOTATION_TEST_BACKEND)


def same_spec(given: Given) -> bool:
    return bool(judged(given["old"]) == judged(given["new"]))


def unworkable_name(given: Given) -> bool:
    name = given["model_deployment"]["metadata"].get("name") or ""
    return len(name) > 63 or name[:1].isdigit()


def impossible_name(given: Given) -> bool:
    """Whether the provider that is asked for cannot derive its objects' names from the name."""
    obj = given["model_deployment"]
    provider = ask.at(obj, "spec", "provider", "name", default="")
    name = str(obj["metadata"].get("name") or "")
    rooms = {
        "kaito": lambda: 52,
        "kuberay": lambda: 40,
        "llmd": lambda: 55 if ask.disaggregated(given) else 63,
        "vllm": lambda: 63,
        "dynamo": lambda: dynamo.room_for_name(given),
    }
    if provider not in rooms:
        return False
    return len(name) > rooms[provider]() or not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)


def unregistered_without_engine(given: Given) -> bool:
    spec = (given.get("model_deployment") or given["new"])["spec"]
    name = (spec.get("provider") or {}).get("name")
    return bool(name) and not (spec.get("engine") or {}).get("type") and name not in registered(given)


def has_arguments(given: Given) -> bool:
    engine = (given.get("model_deployment") or given["new"])["spec"].get("engine") or {}
    return bool(engine.get("args") or engine.get("extraArgs"))


def rule(name: str, files: str, applies: Predicate, touches: str, test: str) -> Departure:
    return Departure(
        name=name,
        groups=frozenset(f"webhook/{file}" for file in files.split()),
        applies=applies,
        touches=tuple(f"/{field}/**" for field in touches.split()),
        covered_by=f"tests/webhook/test_{test}",
    )


PASSES = "passing.py::test_an_update_that_leaves_the_spec_alone_passes"
UNWORKABLE = "warnings.py::test_a_name_that_cannot_work_is_warned_of"
IMPOSSIBLE = "names.py::test_a_name_that_is_too_long_for_the_provider_is_refused"
ODD_ARGUMENT = "warnings.py::test_an_argument_that_the_engine_does_not_know_is_warned_of"
UNREGISTERED = "warnings.py::test_a_provider_that_nobody_registered_is_warned_of"

DEPARTURES = [
    rule("unchanged-spec-passes", "update", same_spec, "allowed errors warnings", PASSES),
    rule(
        "impossible-name-is-refused", "create", impossible_name, "allowed errors warnings status", IMPOSSIBLE
    ),
    rule("unworkable-name-is-warned-of", "create", unworkable_name, "warnings", UNWORKABLE),
    rule(
        "unregistered-provider-is-warned-of",
        "create update",
        unregistered_without_engine,
        "warnings",
        UNREGISTERED,
    ),
    rule("odd-arguments-are-warned-of", "create update", has_arguments, "warnings", ODD_ARGUMENT),
]
