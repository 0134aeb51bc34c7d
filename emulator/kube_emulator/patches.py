"""Patches that need no field owners: JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge."""

from __future__ import annotations

import copy
from typing import Any

from . import strategic
from .errors import StatusError, bad_request, unsupported_media_type
from .requests import PATCH_TYPES, NotJSON, Request, parse

Obj = dict[str, Any]
_MAX_OPERATIONS = 10_000


def read(request: Request) -> Any:
    """The patch itself; 400 when it cannot be one."""
    try:
        patch = parse(request.body)
    except NotJSON as error:
        raise bad_request("invalid JSON patch") from error
    if request.media_type == PATCH_TYPES[0]:
        if not isinstance(patch, list):
            raise bad_request(
                "error decoding patch: json: cannot unmarshal object into Go value of type "
                "[]handlers.jsonPatchOp"
            )
    elif not isinstance(patch, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    return patch


def patched(current: Obj, patch: Any, request: Request) -> Obj:
    """The object with a patch applied; `current` may be changed."""
    if request.media_type == "application/json-patch+json":
        return json_patch(current, patch)
    if request.media_type == "application/merge-patch+json":
        merged: Obj = merge_patch(current, patch)
        return merged
    if not request.kind.builtin:
        raise unsupported_media_type([kind for kind in PATCH_TYPES if "strategic" not in kind])
    return strategic.merge(current, patch, request.kind.node)


def merge_patch(current: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, anything else replaces.

    Nulls of objects inside a new list go too, which the RFC does not ask for but the real server's library
    does.
    """
    if isinstance(patch, list):
        if isinstance(current, dict):
            return patch
        return [merge_patch(None, item) if isinstance(item, dict | list) else item for item in patch]
    if not isinstance(patch, dict):
        return patch
    out = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge_patch(out.get(key), value)
    return out


class _PatchFailed(Exception):
    """An operation that does not fit the document."""


def json_patch(current: Obj, operations: list[Any]) -> Obj:
    """RFC 6902; 422 when an operation cannot be done."""
    if len(operations) > _MAX_OPERATIONS:
        why = f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}, got {len(operations)}"
        raise StatusError(413, "RequestEntityTooLarge", why)
    document: Any = current
    try:
        for operation in operations:
            document = _operate(document, operation)
    except (_PatchFailed, KeyError, TypeError, AttributeError) as error:
        rejected = "the server rejected our request due to an error in our request"
        raise StatusError(422, "Invalid", rejected, {}) from error
    if not isinstance(document, dict):
        raise bad_request("the patch does not leave an object")
    return document


def _operate(document: Any, operation: Obj) -> Any:
    verb, path = operation["op"], _steps(operation["path"])
    if verb == "add":
        return _add(document, path, operation.get("value"))
    if verb == "remove":
        return _remove(document, path)
    if verb == "replace":
        return _replace(document, path, operation.get("value"))
    if verb == "test":
        if _at(document, path, missing_is_null=True) != operation.get("value"):
            raise _PatchFailed(f"testing value {operation['path']} failed")
        return document
    if verb not in ("move", "copy"):
        raise _PatchFailed(f"unexpected kind: {verb}")
    source = _steps(operation["from"])
    value = copy.deepcopy(_at(document, source))
    if verb == "move":
        document = _remove(document, source)
    return _add(document, path, value)


def _steps(pointer: str) -> list[str]:
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise _PatchFailed(f"invalid pointer {pointer}")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def _index(items: list[Any], step: str, *, appending: bool = False) -> int:
    if step == "-" and appending:
        return len(items)
    try:
        index = int(step)
    except ValueError:
        raise _PatchFailed(f"{step} is not an index") from None
    limit = len(items) + appending
    if index < 0:
        index += limit
    if not 0 <= index < limit:
        raise _PatchFailed(f"index {step} out of bounds")
    return index


def _at(document: Any, path: list[str], *, missing_is_null: bool = False) -> Any:
    for depth, step in enumerate(path):
        if isinstance(document, list):
            document = document[_index(document, step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        elif missing_is_null and depth == len(path) - 1 and isinstance(document, dict):
            return None
        else:
            raise _PatchFailed(f"missing path {step}")
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(_index(parent, path[-1], appending=True), value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise _PatchFailed("the parent is neither object nor array")
    return document


def _replace(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        parent[_index(parent, path[-1])] = value
    else:
        parent[path[-1]] = value  # the library of the real server does not mind that it was absent
    return document


def _remove(document: Any, path: list[str]) -> Any:
    _at(document, path)
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, path[-1])]
    else:
        del parent[path[-1]]
    return document
