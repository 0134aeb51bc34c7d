"""What is wrong with an object, field by field. JSON-able: it travels through workflow histories.

The words of `FieldErrorType` are those of Kubernetes' field errors. Source: crds.md §4.1.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

_MAX_VALUE_LENGTH = 120


class FieldErrorType(StrEnum):
    """Kinds of field errors."""

    INVALID = "FieldValueInvalid"
    REQUIRED = "FieldValueRequired"
    FORBIDDEN = "FieldValueForbidden"
    NOT_SUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    TOO_MANY = "FieldValueTooMany"
    TOO_LONG = "FieldValueTooLong"
    TYPE_INVALID = "FieldValueTypeInvalid"
    INTERNAL = "InternalError"


_HEADS = {
    FieldErrorType.INVALID: "Invalid value",
    FieldErrorType.REQUIRED: "Required value",
    FieldErrorType.FORBIDDEN: "Forbidden",
    FieldErrorType.NOT_SUPPORTED: "Unsupported value",
    FieldErrorType.DUPLICATE: "Duplicate value",
    FieldErrorType.TOO_MANY: "Too many",
    FieldErrorType.TOO_LONG: "Too long",
    FieldErrorType.TYPE_INVALID: "Invalid type",
    FieldErrorType.INTERNAL: "Internal error",
}
_WITHOUT_VALUE = {FieldErrorType.REQUIRED, FieldErrorType.FORBIDDEN, FieldErrorType.INTERNAL}


class FieldError(BaseModel):
    """One violation. `value` is the offending value, shortened when it is long; None when not shown."""

    type: FieldErrorType
    field: str
    detail: str = ""
    value: Any = None

    @property
    def line(self) -> str:
        """One line as Kubernetes writes it: `field: kind: value: detail`."""
        parts = [self.field, _HEADS[self.type]]
        if self.type not in _WITHOUT_VALUE:
            parts.append(json.dumps(self.value, ensure_ascii=False))
        return ": ".join(part for part in [*parts, self.detail] if part)


class Verdict(BaseModel):
    """The answer of a check: allowed when there are no errors."""

    errors: list[FieldError] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)

    @property
    def allowed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors

    @property
    def message(self) -> str:
        """All violations in one text, each once; a single one bare. Empty when allowed."""
        lines = list(dict.fromkeys(error.line for error in self.errors))
        return lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]" if lines else ""


_MAY_BE_SECRET = re.compile(
    r"spec\.(?:env|engine\.args|engine\.extraArgs|provider\.overrides|podTemplate)(?:\.|\[|$)"
)
"""Fields in which people write keys and passwords, although a Secret is the place for them."""
NOT_SHOWN = "<not shown>"


def field_error(kind: FieldErrorType, field: str, detail: str, value: Any = None) -> FieldError:
    """A field error whose value is cut to a length that can be shown.

    Not shown at all where it may be a secret: the error goes to logs, conditions, Events and histories.
    """
    if _MAY_BE_SECRET.match(field) and isinstance(value, str | int | float) and not isinstance(value, bool):
        value = NOT_SHOWN
    return FieldError(type=kind, field=field, detail=detail, value=shortened(value))


def shortened(value: Any) -> Any:
    """A value for a message: texts are cut, containers only named."""
    if isinstance(value, str) and len(value) > _MAX_VALUE_LENGTH:
        return value[:_MAX_VALUE_LENGTH] + "…"
    if isinstance(value, dict):
        return f"<object with {len(value)} fields>" if value else {}
    if isinstance(value, list):
        return f"<list with {len(value)} entries>" if value else []
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return "<number out of range>"
    return (
        value if value is None or isinstance(value, str | int | float | bool) else str(type(value).__name__)
    )
