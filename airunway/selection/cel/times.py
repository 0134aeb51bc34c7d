"""Timestamps and durations: their texts, arithmetic limits and accessors. As cel-go 0.26 and Go's `time`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from airunway.selection.cel.errors import CelError
from airunway.selection.cel.values import INT_MAX, INT_MIN, Duration, Timestamp

_SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62135596800 * _SECOND, 253402300800 * _SECOND - 1
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d?)(:\d\d:\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_OFFSET = re.compile(r"([+-]?)(\d{1,4}):(\d{1,4})", re.ASCII)
_LONGEST = 128


def timestamp(nanos: int, offset_minutes: int = 0) -> Timestamp:
    """A point in time within the years 1 to 9999."""
    if not _FIRST <= nanos <= _LAST:
        raise CelError("timestamp overflow")
    return Timestamp(nanos, offset_minutes)


def duration(nanos: int) -> Duration:
    """A duration of at most some 292 years."""
    if not INT_MIN <= nanos <= INT_MAX:
        raise CelError("integer overflow")
    return Duration(nanos)


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339, e.g. `2026-01-05T09:00:00.5Z`; as in Go, a comma or an hour of one digit will do."""
    match = _TIMESTAMP.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise CelError(f"not a timestamp: {text[:40]!r}")
    day, hour, rest, fraction, sign, hours, minutes = match.groups()
    clock = f"{day}T{hour:0>2}{rest}"
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    if sign and (int(hours) > 24 or int(minutes) > 59):
        raise CelError(f"not a timestamp: {text[:40]!r}")
    if clock.startswith("0000"):
        raise CelError("timestamp overflow")
    try:
        seconds = int((datetime.fromisoformat(clock).replace(tzinfo=UTC) - _EPOCH) / timedelta(seconds=1))
    except ValueError:
        raise CelError(f"not a timestamp: {text[:40]!r}") from None
    nanos = int((fraction or "0")[:9].ljust(9, "0"))
    return timestamp((seconds - offset * 60) * _SECOND + nanos, offset)


def timestamp_text(value: Timestamp) -> str:
    """RFC 3339 in the zone it was written in, with as many digits as needed."""
    seconds, nanos = divmod(value.nanos, _SECOND)
    local = _EPOCH + timedelta(seconds=seconds)
    # The zone may lead out of the years that datetime knows.
    try:
        local += timedelta(minutes=value.offset_minutes)
    except OverflowError:
        raise CelError("timestamp overflow") from None
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    zone = "Z"
    if value.offset_minutes:
        hours, minutes = divmod(abs(value.offset_minutes), 60)
        zone = f"{'-' if value.offset_minutes < 0 else '+'}{hours:02}:{minutes:02}"
    return f"{local.year:04}-{local:%m-%dT%H:%M:%S}{fraction}{zone}"


def parse_duration(text: str) -> Duration:
    """Go's form: signed decimals with units, e.g. `1h30m` or `-1.5h`."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return Duration(0)
    total, at = 0, 0
    while at < len(body) <= _LONGEST and (match := _PART.match(body, at)):
        total += int(Fraction(match.group(1).rstrip(".")) * _UNITS[match.group(2)])
        at = match.end()
    if not body or at != len(body) or total > INT_MAX + (text[0] == "-"):
        raise CelError(f"not a duration: {text[:40]!r}")
    return Duration(-total if text[0] == "-" else total)


def duration_text(value: Duration) -> str:
    """Seconds as the shortest decimal of their double, e.g. `5400s` or `1.5s`."""
    return f"{Decimal(repr(value.nanos / _SECOND)):f}".removesuffix(".0") + "s"


def _local(seconds: int, zone: str) -> datetime:
    """The clock of a zone, which is a name or an offset like `-02:30`."""
    moment = _EPOCH + timedelta(seconds=seconds)
    if zone in ("", "UTC", "Local"):
        return moment
    if ":" not in zone:
        try:
            return moment.astimezone(ZoneInfo(zone))
        except (LookupError, ValueError, OSError):
            raise CelError(f"unknown time zone {zone[:40]}") from None
    match = _OFFSET.fullmatch(zone)
    if match is None:
        raise CelError(f"not a time zone: {zone[:40]!r}")
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return moment - offset if sign == "-" else moment + offset


def of_timestamp(function: str, value: Timestamp, zone: str | None) -> int:
    """One of the `get…` functions of a timestamp; without zone in UTC."""
    seconds, nanos = divmod(value.nanos, _SECOND)
    try:
        local = _local(seconds, zone or "")
    except OverflowError:
        raise CelError("timestamp overflow") from None
    fields = {
        "getFullYear": local.year,
        "getMonth": local.month - 1,
        "getDayOfYear": local.timetuple().tm_yday - 1,
        "getDayOfMonth": local.day - 1,
        "getDate": local.day,
        "getDayOfWeek": local.isoweekday() % 7,
        "getHours": local.hour,
        "getMinutes": local.minute,
        "getSeconds": local.second,
        "getMilliseconds": nanos // 10**6,
    }
    return fields[function]


def of_duration(function: str, value: Duration) -> int:
    """One of the `get…` functions of a duration: the whole span in that unit, towards zero."""
    units = {"getHours": 3600 * _SECOND, "getMinutes": 60 * _SECOND, "getSeconds": _SECOND}
    size = units.get(function, 10**6)
    return value.nanos // size if value.nanos >= 0 else -(-value.nanos // size)
