"""Checks custom resources against their schema and says what is wrong the way a real API server does.

Rules: OpenAPI v3 as k8s.io/kube-openapi/pkg/validation implements it, plus list types. Those in CEL are
judged by `rules`, unless what else is wrong keeps the real server from that, too.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from . import causes
from .errors import Cause
from .fieldsets import key_element
from .schema import Node, pattern

_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}


def check(obj: Mapping[str, Any], node: Node, live: Mapping[str, Any] | None) -> list[Cause]:
    """Everything wrong with an object, its metadata aside, and aside what an update leaves as it was."""
    same = {key for key, value in (live or {}).items() if obj.get(key) == value}
    found = list(_check_map(obj, node, "", skip=same | {"metadata", "apiVersion", "kind"}))
    if not node.has_rules:
        return found
    if _BLOCKING.isdisjoint(cause.reason for cause in found):
        return [*found, *_judged(obj, node, live)]
    return [*found, _RULES_SKIPPED]


def _judged(obj: Mapping[str, Any], node: Node, live: Mapping[str, Any] | None) -> list[Cause]:
    try:
        from . import rules  # only here: what it needs may be missing, and takes its time to be imported
    except ImportError:
        return []
    return list(rules.check(obj, node, live))


_BLOCKING = frozenset(
    f"FieldValue{word}" for word in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid")
)
_NOWHERE = "<nil>"
"""The field of a cause that the real server gives none."""
_RULES_SKIPPED = causes.invalid(
    _NOWHERE,
    None,
    "some validation rules were not checked because the object was invalid; correct the existing errors to"
    " complete validation",
)


_PYTHON_TYPES: dict[str, type] = {"string": str, "boolean": bool, "integer": int}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _check(value: Any, node: Node, path: str) -> Iterator[Cause]:
    if value is None:
        if not node.nullable and node.type:
            yield _type_cause(path, node, "null")
        return
    if node.any_scalar:
        fits = isinstance(value, str | int) and not isinstance(value, bool)
        if not fits:
            yield causes.wrong_type(
                path,
                _type_name(value),
                f'{path} in body must be of type integer,string: "{_type_name(value)}"',
            )
            return
    elif node.type and not _has_type(value, node.type):
        yield _type_cause(path, node, _type_name(value))
        if node.type == "integer" and isinstance(value, float) and not node.raw.get("format"):
            words = f"Checked value must be of type integer (default format) in {path}"
            yield causes.invalid(_NOWHERE, "", words)
        if "enum" in node.raw:
            yield causes.not_supported(path, value, node.raw["enum"])
        return
    if node.limited:
        yield from _check_limits(value, node.raw, path)
    if isinstance(value, dict):
        yield from _check_map(value, node, path)
    elif isinstance(value, list) and node.items is not None:
        yield from _check_list(value, node, path)


def _type_cause(path: str, node: Node, found: str) -> Cause:
    wanted, form = node.type, node.raw.get("format", "")
    if node.type == "integer" and form and found in ("number", "boolean"):
        wanted, found = form, "float64" if found == "number" else ""
    return causes.wrong_type(path, found, f'{path} in body must be of type {wanted}: "{found}"')


def _type_name(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _JSON_TYPES[type(value)]


def _has_type(value: Any, wanted: str) -> bool:
    found = _type_name(value)
    return found == wanted or (wanted == "number" and found == "integer")


def _check_map(value: Mapping[str, Any], node: Node, path: str, skip: Container[str] = ()) -> Iterator[Cause]:
    for key in node.required:
        if key not in value:
            yield causes.required(_join(path, key))
    props, extra = node.props, node.extra
    for key, item in value.items():
        child = props.get(key) or extra
        if child is None or child.shape == "any" or key in skip:
            continue
        if not child.limited and type(item) is _PYTHON_TYPES.get(child.type):
            continue  # a scalar of the right type, without limits: nothing to say
        yield from _check(item, child, _join(path, key))


def _check_list(value: list[Any], node: Node, path: str) -> Iterator[Cause]:
    assert node.items is not None
    for index, item in enumerate(value):
        yield from _check(item, node.items, f"{path}[{index}]")
    if not node.unique:
        return
    strange = [index for index, item in enumerate(value) if item is not None and not isinstance(item, dict)]
    if node.keys and strange:
        where = f"{path}[{strange[0]}]"
        yield causes.invalid(where, value[strange[0]], "must be an object for an array of list-type map")
        return
    seen: list[Any] = []
    for index, item in enumerate(value):
        if node.keys:
            identity = key_element(item, node) if isinstance(item, dict) else None
            shown: Any = (
                {name: item[name] for name in node.keys if name in item} if isinstance(item, dict) else item
            )
        else:
            identity = shown = item
        if identity is not None and identity in seen:
            yield causes.duplicate(f"{path}[{index}]", shown)
        seen.append(identity)


def _check_limits(value: Any, raw: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if "enum" in raw and value not in raw["enum"]:
        yield causes.not_supported(path, value, raw["enum"])
    if isinstance(value, str):
        yield from _check_text(value, raw, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _check_number(value, raw, path)
    elif isinstance(value, list | dict):
        yield from _check_size(value, raw, path)
    for part in raw.get("allOf", ()):
        yield from _check_limits(value, part, path)
    if raw.get("anyOf") and not any(_passes(value, part, path) for part in raw["anyOf"]):
        yield causes.invalid(path, "", f'"{path}" must validate at least one schema (anyOf)')
    if raw.get("oneOf") and sum(_passes(value, part, path) for part in raw["oneOf"]) != 1:
        yield causes.invalid(path, "", f'"{path}" must validate one and only one schema (oneOf)')
    if "not" in raw and _passes(value, raw["not"], path):
        yield causes.invalid(path, "", f'"{path}" must not validate the schema (not)')


def _passes(value: Any, raw: Mapping[str, Any], path: str) -> bool:
    if "type" in raw and not _has_type(value, raw["type"]):
        return False
    if isinstance(value, dict) and not all(key in value for key in raw.get("required", ())):
        return False
    if isinstance(value, dict):
        for key, part in raw.get("properties", {}).items():
            if key in value and not _passes(value[key], part, _join(path, key)):
                return False
    return not any(True for _ in _check_limits(value, raw, path))


def _check_text(value: str, raw: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        yield causes.too_long(path, raw["maxLength"])
    if "minLength" in raw and len(value) < raw["minLength"]:
        yield causes.invalid(path, value, f"{path} in body should be at least {raw['minLength']} chars long")
    if "pattern" in raw and not pattern(raw["pattern"]).search(value):
        yield causes.invalid(path, value, f"{path} in body should match '{raw['pattern']}'")
    if raw.get("format") == "date-time" and not _DATE_TIME.match(value):
        yield causes.wrong_type(path, value, f'{path} in body must be of type date-time: "{value}"')


_DATE_TIME = pattern(r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$")


def _check_number(value: float, raw: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if "maximum" in raw:
        limit, exclusive = raw["maximum"], raw.get("exclusiveMaximum")
        if value > limit or (exclusive and value == limit):
            word = "less than" if exclusive else "less than or equal to"
            yield causes.invalid(path, value, f"{path} in body should be {word} {_number(limit)}")
    if "minimum" in raw:
        limit, exclusive = raw["minimum"], raw.get("exclusiveMinimum")
        if value < limit or (exclusive and value == limit):
            word = "greater than" if exclusive else "greater than or equal to"
            yield causes.invalid(path, value, f"{path} in body should be {word} {_number(limit)}")
    if "multipleOf" in raw and value % raw["multipleOf"]:
        yield causes.invalid(
            path, value, f"{path} in body should be a multiple of {_number(raw['multipleOf'])}"
        )
    if raw.get("format") in ("int32", "int64"):
        bits = int(raw["format"][3:])
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            why = f"Checked value must be of type integer with format {raw['format']} in {path}"
            yield causes.invalid("<nil>", "", why)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _check_size(value: list[Any] | dict[str, Any], raw: Mapping[str, Any], path: str) -> Iterator[Cause]:
    size = len(value)
    most, least = ("maxItems", "minItems") if isinstance(value, list) else ("maxProperties", "minProperties")
    if most in raw and size > raw[most]:
        yield causes.too_many(path, size, raw[most])
    if least in raw and size < raw[least]:
        unit = "items" if isinstance(value, list) else "properties"
        yield causes.invalid(path, size, f"{path} in body should have at least {raw[least]} {unit}")
    if (
        raw.get("uniqueItems")
        and isinstance(value, list)
        and any(item in value[:i] for i, item in enumerate(value))
    ):
        yield causes.invalid(path, "", f"{path} in body shouldn't contain duplicates")
