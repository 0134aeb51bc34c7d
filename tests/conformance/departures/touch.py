"""Which changes of an answer a rule explains: patterns over paths, written as text.

    /objects/Deployment*/spec/replicas            whatever happens there
    /objects/Deployment*/spec/replicas = 0        the value afterwards is 0
    /objects/*/spec/containers/vllm/args/* - --*   an entry that is taken out and starts with --

A path is a JSON pointer into the compared form of an answer; `*`, `?` are globs within one key, and `**` at
the end is the place itself and all below it. Values are compared as text: texts as they are, a list of
texts joined by blanks, anything else as compact JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from tests.conformance.diff import MISSING, Change, pointer, segments
from tests.conformance.objects import compact

_GLOBS = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})


@dataclass(frozen=True)
class Touch:
    """One pattern. `sign` says which value `value` is compared with: "=" the new one, "-" the removed one."""

    path: tuple[str, ...]
    sign: str = ""
    value: str = "*"

    def explains(self, change: Change) -> bool:
        return self._leads_to(change.path) and self._has_value(change)

    def _leads_to(self, path: tuple[str, ...]) -> bool:
        fixed = self.path[:-1] if self.path[-1] == "**" else self.path
        long_enough = len(path) >= len(fixed) if self.path[-1] == "**" else len(path) == len(fixed)
        return long_enough and all(map(fnmatchcase, path, fixed))

    def _has_value(self, change: Change) -> bool:
        if not self.sign:
            return True
        if self.sign == "-" and change.new is not MISSING:
            return False
        value = change.new if self.sign == "=" else change.old
        return value is not MISSING and fnmatchcase(text(value), self.value)


@cache
def parse(pattern: str) -> Touch:
    """The pattern that a text stands for."""
    path, *rest = re.split(r" ([=-]) ", pattern, maxsplit=1)
    return Touch(segments(path), *rest)


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    is_line = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return " ".join(value) if is_line else compact(value)


def literal(value: str) -> str:
    """A text as a pattern that only it fits."""
    return value.translate(_GLOBS)


def place(*keys: str) -> str:
    """A path of which no key is a glob."""
    return pointer(tuple(map(literal, keys)))


def explained(patterns: Iterable[str], change: Change) -> bool:
    """Whether one of the patterns explains the change."""
    return any(parse(pattern).explains(change) for pattern in patterns)
