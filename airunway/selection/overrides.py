"""V4: what `spec.provider.overrides` may not contain. Source: crds.md §4.4."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airunway.api.findings import FieldError, FieldErrorType, field_error
from airunway.api.overrides import FIELD, PRIVILEGE_KEYS, SIZING_KEYS


def check_overrides(overrides: Any) -> list[FieldError]:
    """Findings at any depth; privilege before sizing. None means there are no overrides."""
    if overrides is None:
        return []
    if not isinstance(overrides, dict):
        value = f"<redacted {_size(overrides)} bytes>"
        return [field_error(FieldErrorType.INVALID, FIELD, "must be a JSON object", value)]
    return [
        FieldError(type=FieldErrorType.FORBIDDEN, field=path, detail=detail)
        for keys, detail in (
            (PRIVILEGE_KEYS, "not allowed for security reasons"),
            (SIZING_KEYS, "not allowed: it can bypass admission resource limits"),
        )
        for path in _found(overrides, keys)
    ]


def _size(value: Any) -> str:
    try:
        return str(len(json.dumps(value, default=str)))
    except (RecursionError, ValueError):
        return "many"


def _found(tree: dict[str, Any], keys: frozenset[str]) -> Iterator[str]:
    """Paths of the keys; below a key that is found nothing more is looked for."""
    pending: list[tuple[str, Any]] = [(FIELD, tree)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                here = f"{path}.{key}"
                if key in keys:
                    yield here
                else:
                    pending.append((here, value))
        elif isinstance(node, list):
            pending += [(f"{path}[{index}]", value) for index, value in enumerate(node)]
