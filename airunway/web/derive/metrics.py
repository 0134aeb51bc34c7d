"""Prometheus' text format as MetricsResponse has it (web-api.md §6.5)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

MAX_SAMPLES = 20_000
_SAMPLE = re.compile(
    r"(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>[^\s]+)(?:\s+-?\d+)?\s*"
)
_LABEL = re.compile(r'(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def metrics_in(text: str) -> list[dict[str, Any]]:
    """The samples; comments and values that are no finite number are left out."""
    return [sample for sample, _ in zip(_samples(text), range(MAX_SAMPLES), strict=False)]


def _samples(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        found = None if line.startswith("#") else _SAMPLE.fullmatch(line)
        if found is None:
            continue
        try:
            value = float(found["value"])
        except ValueError:
            continue
        if not math.isfinite(value):
            continue
        labels = {name: _plain(quoted) for name, quoted in _LABEL.findall(found["labels"] or "")}
        yield {"name": found["name"], "value": int(value) if value.is_integer() else value, "labels": labels}


def _plain(quoted: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), quoted)
