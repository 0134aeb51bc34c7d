"""The chart's values as values.yaml has them: what each is by default, and the comment above it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tools.generate.chart import CHART

FILE = CHART / "values.yaml"
_KEY = re.compile(r"^( *)(\w+):")


def values() -> dict[str, Any]:
    """The chart's defaults."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def meanings() -> dict[str, str]:
    """The comment above each value that has one, by its path."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.strip().removeprefix("#").strip())
            continue
        if key := _KEY.match(line):
            depth = len(key[1])
            above = [*((at, name) for at, name in above if at < depth), (depth, key[2])]
            if comment:
                found[".".join(name for _, name in above)] = " ".join(comment)
        comment = []
    return found
