"""Ages as tables show them, such as `5m`, `3d4h`. Source: k8s.io/apimachinery/pkg/util/duration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 86400 * 365
# below this many seconds: the two units shown (the second is left out where it is zero)
_STEPS = (
    (2 * _MINUTE, (1, "s"), None),
    (10 * _MINUTE, (_MINUTE, "m"), (1, "s")),
    (3 * _HOUR, (_MINUTE, "m"), None),
    (8 * _HOUR, (_HOUR, "h"), (_MINUTE, "m")),
    (2 * _DAY, (_HOUR, "h"), None),
    (8 * _DAY, (_DAY, "d"), (_HOUR, "h")),
    (2 * _YEAR, (_DAY, "d"), None),
    (8 * _YEAR, (_YEAR, "y"), (_DAY, "d")),
)


def human(length: timedelta) -> str:
    """A length of time, rounded the way kubectl shows it."""
    seconds = int(length.total_seconds())
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for limit, (big, name), small in _STEPS:
        if seconds < limit:
            rest = (seconds % big) // small[0] if small else 0
            return f"{seconds // big}{name}" + (f"{rest}{small[1]}" if small and rest else "")
    return f"{seconds // _YEAR}y"


def since(timestamp: str | None) -> str:
    """The age of an RFC 3339 time; `<unknown>` when there is none."""
    if not timestamp:
        return "<unknown>"
    try:
        then = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    except ValueError:
        return "<invalid>"
    return human(datetime.now(UTC) - then)
