"""Named rules under which we differ from the reference on purpose.

A rule is a predicate over a vector's *input*, never over its name, and says which parts of the answer it
excuses; all other parts must still agree. Each rule stands under the same name in a table of
`docs/compatibility.md`, in the section of its module here.
"""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Departure:
    """One rule.

    `groups`: the groups it can apply to, as `group` or `group/file`. `excuses`: top-level fields of the
    answer that may differ. `adjust`: (input, recorded answer) -> the answer that we give instead; with it
    nothing is excused, the adjusted answer is compared in full. `covered_by`: the test that pins our own
    behaviour, as `path::test_name`.
    """

    name: str
    groups: frozenset[str]
    excuses: frozenset[str] = frozenset()
    applies: Callable[[Mapping[str, Any]], bool]
    covered_by: str
    adjust: Callable[[Mapping[str, Any], dict[str, Any]], dict[str, Any]] | None = None

    def covers(self, *, group: str, file: str, given: Mapping[str, Any]) -> bool:
        return bool(self.groups & {group, f"{group}/{file}"}) and self.applies(given)


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
    """The rules of one module, which lists them in `DEPARTURES`; none when there is no such module."""
    if module not in {found.name for found in pkgutil.iter_modules(__path__)}:
        return []
    rules: list[Departure] = importlib.import_module(f"{__name__}.{module}").DEPARTURES
    return rules


def all_rules() -> list[Departure]:
    """Every rule of every section."""
    return [rule for module in SECTIONS for rule in rules_of(module)]


def unexcused(
    found: Iterable[str], *, group: str, file: str, given: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Split differences into those that no rule excuses, and the names of the rules that excused others.

    A difference starts with the path of the field (`provider.name: wanted …`); its first step is the
    top-level field that a rule excuses.
    """
    rules = [rule for rule in all_rules() if rule.covers(group=group, file=file, given=given)]
    left, used = [], set()
    for difference in found:
        excusing = [rule.name for rule in rules if top_field(difference) in rule.excuses]
        used.update(excusing[:1])
        if not excusing:
            left.append(difference)
    return left, sorted(used)


def top_field(difference: str) -> str:
    """`conditions[Ready].reason: …` → `conditions`."""
    path = difference.split(":", 1)[0]
    return path.replace("[", ".").split(".", 1)[0]


def adjusted(
    expect: Mapping[str, Any], *, group: str, file: str, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The recorded answer as the adjusting rules change it, and the names of the rules that applied.

    Rules apply in the order in which their module lists them; each works on a copy of its own.
    """
    answer, used = copy.deepcopy(dict(expect)), []
    for rule in all_rules():
        if rule.adjust is not None and rule.covers(group=group, file=file, given=given):
            answer = rule.adjust(given, answer)
            used.append(rule.name)
    return answer, used
