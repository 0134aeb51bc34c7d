"""The smallest JSON patch (RFC 6902) between two values, so that an answer touches only what it fills in."""

from __future__ import annotations

from typing import Any

PatchOperation = dict[str, Any]


def difference(before: Any, after: Any, path: str = "") -> list[PatchOperation]:
    """Operations that turn `before` into `after`; empty when they are the same.

    Objects are compared key by key and lists of one length entry by entry; a list of another length is
    replaced as a whole.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_objects(before, after, path)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [operation for i, (old, new) in pairs for operation in difference(old, new, f"{path}/{i}")]
    if type(before) is type(after) and before == after:
        return []
    return [{"op": "replace", "path": path, "value": after}]


def _of_objects(before: dict[str, Any], after: dict[str, Any], path: str) -> list[PatchOperation]:
    found: list[PatchOperation] = [
        {"op": "remove", "path": f"{path}/{_token(key)}"} for key in before if key not in after
    ]
    for key, value in after.items():
        here = f"{path}/{_token(key)}"
        if key in before:
            found += difference(before[key], value, here)
        else:
            found.append({"op": "add", "path": here, "value": value})
    return found


def _token(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
