"""Named rules under which we differ from the reference on purpose.

A rule is a predicate over a vector's *input*, never over its name, and says which parts of the answer it
may change; all other parts must still agree. What it does change is recorded as a JSON patch per vector and
rule in `recorded/`, written by `python3 dev.py generate` (`tests.conformance.record`) and reviewed as data.
Each rule stands under the same name in a table of `docs/compatibility.md`, which says why, in the section
of its module here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Given = Mapping[str, Any]
Predicate = Callable[[Given], bool]
Touches = str | Callable[[Given], Iterable[str]]
REFUSED = {"error": "<text>"}
"""The answer of a provider that does not take a deployment."""


def always(given: Given) -> bool:
    return True


def never(given: Given) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Departure:
    """One rule.

    `groups`: the groups it can apply to, as `group` or `group/file`. `touches`: the changes that it may
    make, as patterns (`touch.py`) or functions of the input that give some. `refuses`: for which of its
    inputs a provider refuses the deployment instead. `covered_by`: the test that pins our own behaviour,
    as `path::test_name`.
    """

    name: str
    groups: frozenset[str]
    applies: Predicate
    covered_by: str
    touches: tuple[Touches, ...] = ()
    refuses: Predicate = never

    def covers(self, *, group: str, file: str, given: Given) -> bool:
        return bool(self.groups & {group, f"{group}/{file}"}) and self.applies(given)

    def touched(self, given: Given) -> tuple[str, ...]:
        """The patterns for one input."""
        given_by = [[touch] if isinstance(touch, str) else touch(given) for touch in self.touches]
        return tuple(pattern for patterns in given_by for pattern in patterns)


SECTIONS = {
    "selection": "Selection and validation",
    "admission": "Admission webhooks",
    "kaito": "KAITO",
    "vllm": "Direct vLLM",
    "dynamo": "Dynamo",
    "llmd": "llm-d",
    "kuberay": "KubeRay",
    "images": "Model images",
}
"""Module of this package to section of docs/compatibility.md."""


def rules_of(module: str) -> list[Departure]:
    """The rules of one module, which lists them in `DEPARTURES`."""
    rules: list[Departure] = importlib.import_module(f"{__name__}.{module}").DEPARTURES
    return rules


def all_rules() -> list[Departure]:
    """Every rule of every section."""
    return [rule for module in SECTIONS for rule in rules_of(module)]


def applicable(groups: Iterable[str], *, file: str, given: Given) -> list[Departure]:
    """The rules that apply to an input, in the order in which changes are put down to them."""
    rules = all_rules()
    return [
        rule for rule in rules if any(rule.covers(group=group, file=file, given=given) for group in groups)
    ]
