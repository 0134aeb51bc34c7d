"""The small part of JSONPath that printer columns and selectable fields use.

Steps `.a.b`, `['a.b']`, `[0]`, `[*]` and filters `[?(@.type=="Ready")]`. Source:
k8s.io/client-go/util/jsonpath.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:[^.\[\\]|\\.)+)|\[\?\(@\.(?P<key>[\w.]+)\s*==\s*(?P<quote>["'])(?P<value>.*?)(?P=quote)\)\]"""
    r"""|\['(?P<quoted>[^']*)'\]|\[(?P<index>-?\d+|\*)\]"""
)
Step = tuple[str, str, str]  # field, index or filter; name; wanted value


@cache
def _steps(path: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    for found in _STEP.finditer(path if path.startswith((".", "[")) else f".{path}"):
        if found["key"]:
            steps.append(("filter", found["key"], found["value"]))
        elif found["index"]:
            steps.append(("index", found["index"], ""))
        else:
            name = found["quoted"] if found["quoted"] is not None else found["field"].replace("\\.", ".")
            steps.append(("field", name, ""))
    return tuple(steps)


def first(obj: Any, path: str) -> Any:
    """The first value at a path; None when there is none."""
    return next(_find(obj, _steps(path)), None)


def _find(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    (sort, name, wanted), rest = steps[0], steps[1:]
    if sort == "field" and isinstance(value, dict):
        if name in value:
            yield from _find(value[name], rest)
    elif isinstance(value, list):
        if sort == "filter":
            chosen = [item for item in value if first(item, f".{name}") == wanted]
        elif name == "*":
            chosen = value
        elif sort == "index":
            chosen = value[int(name) :][:1]
        else:
            chosen = []
        for item in chosen:
            yield from _find(item, rest)
