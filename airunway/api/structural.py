"""What an API server does with an object and its structural schema: prune, default, validate.

Plain functions on JSON data and on the schema of a CRD (`openAPIV3Schema`), without knowledge of any kind.
The rules are those of Kubernetes' apiextensions: nulls of fields that are not nullable are dropped before
defaulting, defaults fill in only where the parent object exists, and every violation is reported.
Source: crds.md §1 (schema-wide rules), crds.md §4.1 (order).
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from airunway.api.bounds import MAX_DEPTH
from airunway.api.findings import FieldError, FieldErrorType, field_error

Schema = Mapping[str, Any]

_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_ROOT_FIELDS: Final = ("apiVersion", "kind", "metadata")
_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_INT64: Final = _RANGES["int64"]
MAX_VALUES: Final = 1_000_000
"""Values of an object; one that an API server takes (3 MiB) has fewer."""
_SHOWN_STEPS: Final = 5


def too_deep(obj: Any) -> list[FieldError]:
    """One finding, with the beginning of the path, when an object is nested too deeply or is too large.

    YAML's aliases make a short file a value without end; both limits see to that.
    """
    pending: list[tuple[Any, str, int]] = [(obj, "", 0)]
    seen = 0
    while pending:
        value, path, level = pending.pop()
        seen += 1
        if seen > MAX_VALUES:
            return [field_error(FieldErrorType.INVALID, path, f"more than {MAX_VALUES} values", "…")]
        if not isinstance(value, dict | list):
            continue
        if level > MAX_DEPTH:
            return [field_error(FieldErrorType.INVALID, path, f"nested deeper than {MAX_DEPTH} levels", "…")]
        show = level < _SHOWN_STEPS
        if isinstance(value, list):
            pending += [(item, f"{path}[{n}]" if show else path, level + 1) for n, item in enumerate(value)]
        else:
            head = f"{path}." if path else ""
            pending += [(item, f"{head}{key}" if show else path, level + 1) for key, item in value.items()]
    return []


def prune(obj: dict[str, Any], schema: Schema) -> list[str]:
    """Remove the fields that the schema does not know, in place. Returns their paths, sorted.

    `apiVersion`, `kind` and `metadata` at the top belong to every object and stay.
    """
    removed: list[str] = []
    _prune(obj, schema, "", removed, level=0, keep=_ROOT_FIELDS)
    return sorted(removed)


def _prune(
    value: Any, schema: Schema, path: str, removed: list[str], *, level: int, keep: tuple[str, ...] = ()
) -> None:
    if level > MAX_DEPTH:
        return
    if isinstance(value, list) and ("items" in schema or not schema.get(_PRESERVE)):
        for index, item in enumerate(value):
            _prune(item, schema.get("items") or {}, f"{path}[{index}]", removed, level=level + 1)
    if not isinstance(value, dict):
        return
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for key in list(value):
        here = f"{path}.{key}" if path else key
        if key in keep:
            continue
        if key in properties:
            field = properties[key]
            inner = _ROOT_FIELDS if field.get(_EMBEDDED) else ()
            _prune(value[key], field, here, removed, level=level + 1, keep=inner)
        elif isinstance(extra, Mapping):
            _prune(value[key], extra, here, removed, level=level + 1)
        elif not extra and not schema.get(_PRESERVE):
            removed.append(here)
            del value[key]


def apply_defaults(obj: dict[str, Any], schema: Schema) -> None:
    """Drop nulls that are not allowed, and fill in the defaults, in place."""
    _default(obj, schema, level=0)


def _default(value: Any, schema: Schema, *, level: int) -> None:
    if level > MAX_DEPTH:
        return
    if isinstance(value, list):
        items = schema.get("items") or {}
        for item in value:
            _default(item, items, level=level + 1)
        return
    if not isinstance(value, dict):
        return
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    known = extra if isinstance(extra, Mapping) else None
    for key in [key for key, item in value.items() if item is None]:
        field = properties.get(key, known)
        if field is not None and not field.get("nullable"):
            del value[key]
    for key, field in properties.items():
        if key not in value and "default" in field:
            value[key] = copy.deepcopy(field["default"])
    for key, item in value.items():
        field = properties.get(key, known)
        if field is not None:
            _default(item, field, level=level + 1)


def validate(obj: Any, schema: Schema) -> list[FieldError]:
    """Every violation, in the order of the schema's fields. Never raises, whatever the object holds."""
    return list(_violations(obj, schema, "", level=0))


def _violations(value: Any, schema: Schema, path: str, *, level: int) -> Iterator[FieldError]:
    if level > MAX_DEPTH:
        yield field_error(FieldErrorType.INVALID, path, f"nested deeper than {MAX_DEPTH} levels")
        return
    if value is None and schema.get("nullable"):
        return
    wrong = _wrong_type(value, schema)
    allowed = schema.get("enum")
    supported = f"supported values: {', '.join(map(json.dumps, allowed))}" if allowed is not None else ""
    if wrong:
        detail = f"{wrong}; {supported}" if supported else wrong
        yield field_error(FieldErrorType.TYPE_INVALID, path, detail, value)
        return
    if allowed is not None and not any(_same(value, member) for member in allowed):
        yield field_error(FieldErrorType.NOT_SUPPORTED, path, supported, value)
    if isinstance(value, str):
        yield from _text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _list(value, schema, path, level=level)
    elif isinstance(value, dict):
        yield from _object(value, schema, path, level=level)


def _wrong_type(value: Any, schema: Schema) -> str:
    """What the type should be, in words; empty when it is right or the schema names none."""
    if schema.get(_INT_OR_STRING):
        fits = isinstance(value, str) or _is_integer(value)
        return "" if fits else "must be an integer or a string"
    kind = schema.get("type")
    if kind is None:
        return ""
    name, fits_type = _TYPES.get(kind, ("", None))
    if fits_type is None or fits_type(value):
        return ""
    return f"must be {name}, not {_name_of(value)}"


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_TYPES: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("a string", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("an integer", _is_integer),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}


def _name_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float) and not value.is_integer():
        return "a fraction"
    fitting = (name for name, fits in _TYPES.values() if fits(value))
    return next(fitting, type(value).__name__)


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _text(value: str, schema: Schema, path: str) -> Iterator[FieldError]:
    low, high = schema.get("minLength"), schema.get("maxLength")
    if high is not None and len(value) > high:
        yield field_error(FieldErrorType.TOO_LONG, path, f"must have at most {high} characters", value)
    if low is not None and len(value) < low:
        yield field_error(FieldErrorType.INVALID, path, f"must have at least {low} characters", value)
    pattern = schema.get("pattern")
    if pattern is not None and not _pattern(pattern).search(value):
        yield field_error(FieldErrorType.INVALID, path, f"must match {pattern}", value)


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str]:
    # In Go, `$` is the end of the text; in Python it is also before a last newline.
    return re.compile(re.sub(r"(?<!\\)\$(?=\)|\||$)", r"\\Z", pattern), re.ASCII)


def _number(value: int | float, schema: Schema, path: str) -> Iterator[FieldError]:
    if isinstance(value, float) and not math.isfinite(value):
        yield field_error(FieldErrorType.INVALID, path, "must be a finite number", str(value))
        return
    if schema.get("type") == "integer" or schema.get(_INT_OR_STRING):
        low, high = _RANGES.get(schema.get("format", ""), _INT64)
        if not low <= value <= high:
            kind = schema.get("format", "int64")
            yield field_error(FieldErrorType.INVALID, path, f"must be within {kind}: {low} to {high}", value)
            return
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if value < low or (value == low and schema.get("exclusiveMinimum")):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield field_error(FieldErrorType.INVALID, path, f"must be {word} {low}", value)
    if value > high or (value == high and schema.get("exclusiveMaximum")):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield field_error(FieldErrorType.INVALID, path, f"must be {word} {high}", value)
    factor = schema.get("multipleOf")
    if factor and value % factor:
        yield field_error(FieldErrorType.INVALID, path, f"must be a multiple of {factor}", value)


def _list(value: list[Any], schema: Schema, path: str, *, level: int) -> Iterator[FieldError]:
    low, high = schema.get("minItems"), schema.get("maxItems")
    if high is not None and len(value) > high:
        yield field_error(FieldErrorType.TOO_MANY, path, f"must have at most {high} items", len(value))
    if low is not None and len(value) < low:
        yield field_error(FieldErrorType.INVALID, path, f"must have at least {low} items", len(value))
    items = schema.get("items") or {}
    for index, item in enumerate(value):
        yield from _violations(item, items, f"{path}[{index}]", level=level + 1)
    yield from _repeated(value, schema, path)


def _repeated(value: list[Any], schema: Schema, path: str) -> Iterator[FieldError]:
    """Uniqueness of lists that are maps or sets."""
    kind = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if kind not in ("map", "set") and not schema.get("uniqueItems"):
        return
    properties = (schema.get("items") or {}).get("properties") or {}
    if kind == "map" and not all(isinstance(item, dict) for item in value):
        return  # the items' own errors say so
    seen: set[str] = set()
    for index, item in enumerate(value):
        shown: Any = item
        if kind == "map":
            shown = {key: item.get(key, properties.get(key, {}).get("default")) for key in keys}
        identity = json.dumps(shown, sort_keys=True, default=str)
        if identity in seen:
            detail = f"{', '.join(keys)} must be unique in the list" if keys else "must be unique in the list"
            only = next(iter(shown.values())) if kind == "map" and len(shown) == 1 else shown
            yield field_error(FieldErrorType.DUPLICATE, f"{path}[{index}]", detail, only)
        seen.add(identity)


def _object(value: dict[str, Any], schema: Schema, path: str, *, level: int) -> Iterator[FieldError]:
    low, high = schema.get("minProperties"), schema.get("maxProperties")
    if high is not None and len(value) > high:
        yield field_error(FieldErrorType.TOO_MANY, path, f"must have at most {high} fields", len(value))
    if low is not None and len(value) < low:
        yield field_error(FieldErrorType.INVALID, path, f"must have at least {low} fields", len(value))
    for key in schema.get("required") or ():
        if key not in value:
            yield field_error(FieldErrorType.REQUIRED, f"{path}.{key}" if path else key, "")
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for key, item in value.items():
        field = properties.get(key, extra if isinstance(extra, Mapping) else None)
        if field is not None:
            yield from _violations(item, field, f"{path}.{key}" if path else key, level=level + 1)
