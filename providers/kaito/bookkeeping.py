"""The record of what was last written to a Workspace: annotation `airunway.ai/kaito-last-applied`.

AI Runway's own controller reads and writes the same text. It is kept byte for byte as that controller
would write it, so that a change of control plane costs no write (kaito.md §10.1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airunway.provider import Manifest

LAST_APPLIED = "airunway.ai/kaito-last-applied"

_EXACT_INTEGER = 2**53
_EXPONENT_FROM = 1e21
_EXPONENT_BELOW = 1e-6
_ESCAPES = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)


def with_record(workspace: Manifest) -> Manifest:
    """The Workspace with the record of its own managed parts in its annotations."""
    metadata = workspace["metadata"]
    annotations = {**metadata.get("annotations", {}), LAST_APPLIED: record_text(workspace)}
    return {**workspace, "metadata": {**metadata, "annotations": annotations}}


def record_text(workspace: Mapping[str, Any]) -> str:
    """The record of a Workspace: annotations, labels, and `inference` and `resource` if present."""
    metadata = workspace["metadata"]
    annotations = {
        key: value for key, value in metadata.get("annotations", {}).items() if key != LAST_APPLIED
    }
    record: dict[str, Any] = {"annotations": annotations, "labels": metadata.get("labels", {})}
    for part in ("inference", "resource"):
        if part in workspace:
            record[part] = workspace[part]
    return go_json(record)


def record_of(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """The record that a live Workspace carries; empty when it is absent or not readable."""
    annotations = (workspace.get("metadata") or {}).get("annotations") or {}
    try:
        record = json.loads(annotations.get(LAST_APPLIED, ""))
    except (TypeError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def go_json(value: Any) -> str:
    """JSON as Go's encoder writes it: compact, keys sorted, `<`, `>` and `&` escaped, Go's number forms."""
    if not _has_go_float(value):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.translate(_ESCAPES)
    if isinstance(value, dict):
        return "{" + ",".join(f"{go_json(key)}:{go_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(go_json, value)) + "]"
    return _go_float(float(value))


def _has_go_float(value: Any) -> bool:
    """Whether a number is in it that Go writes in another form than Python; only overrides bring one."""
    if isinstance(value, dict):
        return any(map(_has_go_float, value.values()))
    if isinstance(value, list):
        return any(map(_has_go_float, value))
    return isinstance(value, float) or (isinstance(value, int) and abs(value) > _EXACT_INTEGER)


def _go_float(number: float) -> str:
    shortest = Decimal(repr(number))
    if number == 0 or _EXPONENT_BELOW <= abs(number) < _EXPONENT_FROM:
        text = format(shortest, "f")
        return text.rstrip("0").removesuffix(".") if "." in text else text
    sign, digits, _ = shortest.normalize().as_tuple()
    mantissa = "".join(map(str, digits))
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' if sign else ''}{mantissa[0]}{fraction}e{shortest.adjusted():+d}"
