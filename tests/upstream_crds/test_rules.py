"""The emulated server judges every rule in CEL of the published definitions, so that the matrix means it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kube_emulator.rules import can_judge
from tests.upstream_crds.folders import folder_names, version


def rules(schema: object) -> Iterator[str]:
    """The rules of a definition, and the expressions of their messages."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        for rule in schema.get("x-kubernetes-validations") or []:
            yield str(rule["rule"])
            yield str(rule.get("messageExpression") or "''")
    for part in inner:
        yield from rules(part)


@pytest.mark.parametrize("name", folder_names())
def test_every_rule_of_a_definition_is_judged(name: str) -> None:
    found = set(rules([definition["spec"] for definition in version(name).definitions]))

    let_pass = sorted(rule for rule in found if not can_judge(rule))

    assert let_pass == []
