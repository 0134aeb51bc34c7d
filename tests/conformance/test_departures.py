"""The rules in code and the tables in docs/compatibility.md are the same rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conformance.departures import SECTIONS, Departure, all_rules, rules_of

ROOT = Path(__file__).resolve().parents[2]


def documented(section: str) -> list[str]:
    text = (ROOT / "docs" / "compatibility.md").read_text()
    body = re.split(r"^## ", text, flags=re.MULTILINE)
    chapter = next((part for part in body if part.startswith(section + "\n")), "")
    return re.findall(r"^\| `([^`]+)` \|", chapter, flags=re.MULTILINE)


@pytest.mark.parametrize("module", SECTIONS)
def test_every_rule_is_documented_under_its_name(module: str) -> None:
    assert sorted(documented(SECTIONS[module])) == sorted(rule.name for rule in rules_of(module))


def test_rule_names_are_unique() -> None:
    names = [rule.name for rule in all_rules()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.name) for rule in all_rules()])
def test_every_rule_names_a_test_of_our_own_behaviour(rule: Departure) -> None:
    path, _, name = rule.covered_by.partition("::")

    tree = ast.parse((ROOT / path).read_text())

    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, functions)}
