"""Durations in settings, as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {"m": 60, "h": 3600}


def as_duration(value: Any) -> Any:
    """`90`, `90s`, `5m` or `1h` as a timedelta; anything else as it is, for pydantic to judge."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value.strip()) if isinstance(value, str) else None
    return timedelta(seconds=float(match[1]) * _SECONDS.get(match[2], 1)) if match else value


Duration = Annotated[timedelta, BeforeValidator(as_duration)]
"""A setting that is a duration."""
