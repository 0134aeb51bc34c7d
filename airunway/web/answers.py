"""Answers as JSON, written once: no model is made of what is a mapping already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


def compact(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class JsonAnswer(Response):
    """A JSON object; entries that are None at its first level are left out, as the wire wants it."""

    media_type = "application/json"

    def __init__(
        self, content: Mapping[str, Any], status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        shown = {key: value for key, value in content.items() if value is not None}
        super().__init__(compact(shown).encode(), status_code, dict(headers or {}))
