"""Record where our answers differ from the reference's, as JSON patches per vector and rule.

    python -m tests.conformance.record

Writes `departures/recorded/<question>.<file>.json`. Each change is put down to the first rule that applies
and may touch its place; where none may, nothing is written and the differences are told: either our answer
is wrong, or a rule is missing. What changes within the bounds of the rules shows in the diff of these files,
and is to be read there. A test fails when they are stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.conformance.agreement import Patches, attributed, case
from tests.conformance.answers import QUESTIONS
from tests.conformance.answers.question import RECORDED, Question


class Unexplained(Exception):
    """Differences that no rule explains."""


def text_of(question: Question, file: str) -> str:
    """What is to be recorded for one file of vectors, empty when nothing is. Raises Unexplained."""
    patches, problems = {}, []
    for vector in question.own_vectors(file):
        patches[vector.name], left = attributed(case(question, vector))
        problems += [f"{question.name} {vector.name}: {change}" for change in left]
    if problems:
        raise Unexplained("\n".join(problems))
    return written({name: rules for name, rules in patches.items() if rules})


def written(patches: dict[str, Patches]) -> str:
    """One operation a line, vectors by name; rules stay in the order in which their patches apply."""
    vectors = []
    for name, rules in sorted(patches.items()):
        lists = [
            f"    {_json(rule)}: [\n"
            + ",\n".join(f"      {_json(entry)}" for entry in operations)
            + "\n    ]"
            for rule, operations in rules.items()
        ]
        vectors.append(f"  {_json(name)}: {{\n" + ",\n".join(lists) + "\n  }")
    return "{\n" + ",\n".join(vectors) + "\n}\n" if vectors else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def all_texts() -> dict[Path, str]:
    """Every file that is to be there, with its text. Raises Unexplained."""
    texts = {
        question.record(file): text_of(question, file) for question in QUESTIONS for file in question.files
    }
    return {path: text for path, text in texts.items() if text}


def main() -> None:
    try:
        texts = all_texts()
    except Unexplained as err:
        sys.exit(f"no rule explains:\n{err}")
    RECORDED.mkdir(exist_ok=True)
    for path in set(RECORDED.glob("*.json")) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
