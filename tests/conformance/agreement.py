"""Put the differences between a recorded answer and ours down to rules, and check them against the records.

For a vector of this tree the recorded patches must lead from the recorded answer to ours, to the letter.
For a vector from elsewhere there is no record: each difference must lie where a rule that applies may
touch the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.conformance.answers.question import Question
from tests.conformance.departures import REFUSED, Departure, Given, applicable
from tests.conformance.departures.touch import explained
from tests.conformance.diff import (
    Change,
    Document,
    Operation,
    StalePatch,
    applied,
    changes,
    merged,
    patch,
    without_nulls,
)
from tests.conformance.loader import Vector

Patches = dict[str, list[Operation]]
"""Patches of one vector by rule, in the order in which they apply."""


@dataclass(frozen=True)
class Case:
    """One vector: what is wanted before any patch, what we answer, and the rules that apply."""

    given: Given
    wanted: Document
    ours: Document
    rules: list[Departure] = field(default_factory=list)


def case(question: Question, vector: Vector) -> Case:
    """What we refuse under a rule is wanted as a refusal; no patch has to say so."""
    recorded, ours = map(without_nulls, question.answers(vector))
    rules = applicable(question.rule_groups, file=vector.file, given=vector.input)
    refused = question.refusable and any(rule.refuses(vector.input) for rule in rules)
    return Case(vector.input, REFUSED if refused else recorded, ours, rules)


def attributed(case: Case) -> tuple[Patches, list[Change]]:
    """Patches by rule, each change put down to the first rule that explains it; and what none explains."""
    patches, current = {}, case.wanted
    for rule in case.rules:
        patterns = rule.touched(case.given)
        changed = merged(current, case.ours, lambda change, patterns=patterns: explained(patterns, change))
        operations = list(patch(current, changed))
        if operations:
            patches[rule.name] = operations
        current = changed
    return patches, changes(current, case.ours)


def unexplained(case: Case) -> list[str]:
    """The differences where no rule that applies may touch the answer."""
    patterns = [pattern for rule in case.rules for pattern in rule.touched(case.given)]
    found = changes(case.wanted, case.ours)
    return [str(change) for change in found if not explained(patterns, change)]


def differences(case: Case, patches: Mapping[str, list[Operation]]) -> list[str]:
    """Where our answer differs from the patched one, or why the patches do not fit."""
    not_applying = patches.keys() - {rule.name for rule in case.rules}
    if not_applying:
        return [f"recorded, but the rule does not apply: {name}" for name in sorted(not_applying)]
    wanted = case.wanted
    try:
        for operations in patches.values():
            wanted = applied(wanted, operations)
    except StalePatch as err:
        return [f"stale patch: {err}"]
    return [str(change) for change in changes(wanted, case.ours)]


@cache
def records(path: Path) -> dict[str, Patches]:
    """Recorded patches by vector; none where there is no file."""
    found: dict[str, Patches] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def disagreements(question: Question, vector: Vector) -> list[str]:
    """What is wrong with our answer to a vector; empty when it agrees."""
    found = case(question, vector)
    if vector not in question.own_vectors(vector.file):
        return unexplained(found)
    return differences(found, records(question.record(vector.file)).get(vector.name, {}))


def without_vectors(question: Question, file: str) -> list[str]:
    """Names in a record for which this tree has no vector."""
    names: Iterable[str] = records(question.record(file)).keys()
    return sorted(set(names) - {vector.name for vector in question.own_vectors(file)})
