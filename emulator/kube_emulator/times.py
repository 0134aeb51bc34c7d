"""Reads and writes times the way Go's two time types do: to the second, or to the microsecond.

Rules: k8s.io/apimachinery/pkg/apis/meta/v1/time.go and micro_time.go.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MICRO_CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_GENERAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")


class MalformedTime(ValueError):
    """A text that is not a time of this type."""


def seconds(text: str) -> str:
    """A time in UTC, cut to the second."""
    if _CANONICAL.fullmatch(text):
        return text
    if not _GENERAL.fullmatch(text):
        raise MalformedTime(_cannot_parse(text, "2006-01-02T15:04:05Z07:00"))
    return _utc(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def microseconds(text: str) -> str:
    """A time in UTC; exactly six digits are wanted after the dot."""
    if _MICRO_CANONICAL.fullmatch(text):
        return text
    if not _MICRO.fullmatch(text):
        raise MalformedTime(_cannot_parse(text, "2006-01-02T15:04:05.000000Z07:00"))
    return _utc(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _utc(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise MalformedTime(f'parsing time "{text}": {error}') from error


def _cannot_parse(text: str, layout: str) -> str:
    return f'parsing time "{text}" as "{layout}": cannot parse "{text}" as "{layout}"'
