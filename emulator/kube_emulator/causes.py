"""The kinds of fault a field can have, worded as API servers word them.

Source: k8s.io/apimachinery/pkg/util/validation/field/errors.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .errors import Cause


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(field: str, detail: str = "") -> Cause:
    """A field without the value it needs."""
    return Cause("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), field)


def invalid(field: str, value: Any, detail: str = "") -> Cause:
    """A malformed or out-of-range value."""
    return Cause(
        "FieldValueInvalid", f"Invalid value: {_shown(value)}" + (f": {detail}" if detail else ""), field
    )


_RULED = {
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
}


def ruled(field: str, value: Any, detail: str, reason: str = "") -> Cause:
    """What a rule of the schema says of a value; of an object or a list no more is shown than where it is."""
    words = _RULED.get(reason, "Invalid value")
    is_shown = words in ("Invalid value", "Duplicate value") and not isinstance(value, dict | list)
    shown = f"{_shown(value)}: " if is_shown else ""
    return Cause(reason or "FieldValueInvalid", f"{words}: {shown}{detail}", field)


def wrong_type(field: str, shown: Any, detail: str) -> Cause:
    """A value of another JSON type than the schema has."""
    return Cause("FieldValueTypeInvalid", f"Invalid value: {_shown(shown)}: {detail}", field)


def not_supported(field: str, value: Any, allowed: Iterable[Any]) -> Cause:
    """A value outside an enumeration."""
    names = ", ".join(_shown(item if isinstance(item, str) else _shown(item)) for item in allowed)
    return Cause(
        "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {names}", field
    )


def too_long(field: str, limit: int) -> Cause:
    """A text over its length."""
    unit = "byte" if limit == 1 else "bytes"
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} {unit}", field)


def too_many(field: str, count: int, limit: int) -> Cause:
    """A list over its length."""
    unit = "item" if limit == 1 else "items"
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} {unit}", field)


def duplicate(field: str, value: Any) -> Cause:
    """An item that is there twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {_shown(value)}", field)


def forbidden(field: str, detail: str) -> Cause:
    """A value that may not be set now."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


IMMUTABLE = "field is immutable"
