"""Where the webhooks differ from the reference on purpose; the groups are those of tests/webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from tests.conformance.departures import Departure
from tests.conformance.departures.selection import registered

Given = Mapping[str, Any]


def judged(obj: Given) -> Any:
    annotations = obj["metadata"].get("annotations") or {}
    return obj["spec"], annotations.get(names.ANNOTATION_TEST_BACKEND)


def same_spec(given: Given) -> bool:
    return bool(judged(given["old"]) == judged(given["new"]))


def unworkable_name(given: Given) -> bool:
    name = given["model_deployment"]["metadata"].get("name") or ""
    return len(name) > 63 or name[:1].isdigit()


def unregistered_without_engine(given: Given) -> bool:
    spec = (given.get("model_deployment") or given["new"])["spec"]
    name = (spec.get("provider") or {}).get("name")
    return bool(name) and not (spec.get("engine") or {}).get("type") and name not in registered(given)


DEPARTURES = [
    Departure(
        name="unchanged-spec-passes",
        groups=frozenset({"webhook/update"}),
        applies=same_spec,
        excuses=frozenset({"allowed", "errors", "warnings"}),
        covered_by="tests/webhook/test_passing.py::test_an_update_that_leaves_the_spec_alone_passes",
    ),
    Departure(
        name="unworkable-name-is-warned-of",
        groups=frozenset({"webhook/create"}),
        applies=unworkable_name,
        excuses=frozenset({"warnings"}),
        covered_by="tests/webhook/test_warnings.py::test_a_name_that_cannot_work_is_warned_of",
    ),
    Departure(
        name="unregistered-provider-is-warned-of",
        groups=frozenset({"webhook/create", "webhook/update"}),
        applies=unregistered_without_engine,
        excuses=frozenset({"warnings"}),
        covered_by="tests/webhook/test_warnings.py::test_a_provider_that_nobody_registered_is_warned_of",
    ),
]
