"""V4: the form of `spec.provider.overrides`. Source: crds.md §4.4.

What they may hold is known by the provider's package, which decisions do not know: see
`airunway.provider.guard`, which admission, `plan` and rendering ask.
"""

from __future__ import annotations

from typing import Any

from airunway.api.findings import NOT_SHOWN, FieldError, FieldErrorType, field_error
from airunway.api.overrides import FIELD


def check_overrides(overrides: Any) -> list[FieldError]:
    """Findings about the form. None means there are no overrides."""
    if overrides is None or isinstance(overrides, dict):
        return []
    return [field_error(FieldErrorType.INVALID, FIELD, "must be a JSON object", NOT_SHOWN)]
