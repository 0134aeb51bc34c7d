"""What is recorded is what the rules explain, is true today, and lets nothing else pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.conformance.agreement import (
    Case,
    Patches,
    case,
    differences,
    records,
    unexplained,
    without_vectors,
)
from tests.conformance.answers import QUESTIONS
from tests.conformance.answers.question import RECORDED, Question
from tests.conformance.answers.rendering import RENDERING
from tests.conformance.diff import Document
from tests.conformance.loader import Vector
from tests.conformance.mutations import some_mutations
from tests.conformance.record import Unexplained, text_of

FILES = [
    pytest.param(question, file, id=f"{question.name}.{file}")
    for question in QUESTIONS
    for file in question.files
]
GUARDED = {"select-default": 0.4, "transform": 0.5}
"""Share of an answer's values that no rule may change, so that they are compared without a record too."""


@cache
def cases(question: Question, file: str) -> list[tuple[Vector, Case, Patches]]:
    recorded = records(question.record(file))
    vectors = question.own_vectors(file)
    return [(vector, case(question, vector), recorded.get(vector.name, {})) for vector in vectors]


def mutants(found: Case, *, seed: str, number: int) -> Iterator[Case]:
    for changed in some_mutations(found.ours, seed=seed, number=number):
        yield replace(found, ours=changed)


@pytest.mark.parametrize(("question", "file"), FILES)
def test_recording_again_changes_nothing(question: Question, file: str) -> None:
    record = question.record(file)
    there = record.read_text(encoding="utf-8") if record.exists() else ""

    assert there == text_of(question, file), "stale; run: python3 dev.py generate"


def test_every_record_belongs_to_a_question() -> None:
    assert {*RECORDED.iterdir()} <= {
        question.record(file) for question in QUESTIONS for file in question.files
    }


@pytest.mark.parametrize(("question", "file"), FILES)
def test_nothing_is_recorded_of_vectors_that_are_gone(question: Question, file: str) -> None:
    assert without_vectors(question, file) == []


@pytest.mark.parametrize(("question", "file"), FILES)
def test_any_other_value_in_an_answer_is_noticed(question: Question, file: str) -> None:
    for vector, found, patches in cases(question, file):
        for mutant in mutants(found, seed=vector.name, number=5):
            assert differences(mutant, patches), vector.name


@pytest.mark.parametrize(("question", "file"), FILES)
def test_rules_leave_most_of_an_answer_to_be_compared(question: Question, file: str) -> None:
    noticed = [
        bool(unexplained(mutant))
        for vector, found, _ in cases(question, file)
        for mutant in mutants(found, seed=vector.name, number=5)
    ]

    assert sum(noticed) >= GUARDED.get(question.name, 0.75) * len(noticed)


def probed() -> tuple[Case, Patches]:
    """A vector with recorded patches of several rules."""
    name = "kaito-llamacpp-pod-labels"
    return next(
        (found, patches) for vector, found, patches in cases(RENDERING, "kaito") if vector.name == name
    )


def test_a_patch_of_a_rule_that_does_not_apply_is_stale() -> None:
    found, patches = probed()

    reported = differences(found, {**patches, "kaito-gpu-limits": []})

    assert reported == ["recorded, but the rule does not apply: kaito-gpu-limits"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/objects/Workspace/metadata/labels/nobody", "was": "x"},
        {"op": "replace", "path": "/objects/Workspace/kind", "value": "Workspace", "was": "Workshop"},
        {"op": "add", "path": "/objects/Workspace/kind", "value": "Workspace"},
        {"op": "add", "path": "/objects/Workplace/kind", "value": "Workspace"},
        {
            "op": "remove",
            "path": "/objects/Workspace/inference/template/spec/containers/model/args/7",
            "was": "x",
        },
    ],
)
def test_a_patch_for_another_answer_is_stale(operation: dict[str, Any]) -> None:
    found, patches = probed()

    reported = differences(found, {**patches, "kaito-probes": [*patches["kaito-probes"], operation]})

    assert [line.partition(":")[0] for line in reported] == ["stale patch"]


def test_without_its_patches_a_departure_is_a_disagreement() -> None:
    found, patches = probed()

    assert differences(found, patches) == []
    for rule in patches:
        assert differences(found, {name: kept for name, kept in patches.items() if name != rule})


def test_what_no_rule_explains_is_not_recorded() -> None:
    def with_another_kind(vector: Vector) -> tuple[Document, Document]:
        recorded, ours = RENDERING.answers(vector)
        return recorded, ours | {"first": ["Workshop"]}

    with pytest.raises(Unexplained, match="/first/0: wanted nothing, got 'Workshop'"):
        text_of(replace(RENDERING, answers=with_another_kind), "kaito")


def test_a_vector_from_elsewhere_is_compared_outside_the_places_that_rules_touch() -> None:
    found, _ = probed()
    ours = found.ours | {"first": ["Workshop"]}

    assert unexplained(found) == []
    assert len(unexplained(replace(found, ours=ours))) == 2
