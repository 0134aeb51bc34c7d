"""Whether a provider's worker is alive, by the heartbeat in its InferenceProviderConfig.

One place, because selection, the watcher and the command line must agree. How long a worker may be silent is
a setting (AIRUNWAY_HEARTBEAT_LIMIT); callers turn it into the oldest moment that still counts as alive.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def oldest_alive(now: datetime, *, limit: timedelta) -> datetime:
    """The oldest heartbeat that counts as alive. A limit without end reaches back to the first of days."""
    try:
        return now - limit
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def last_heartbeat(text: object) -> datetime | None:
    """`status.lastHeartbeat` as a time; None when there is none, or none that can be read."""
    if not isinstance(text, str) or not text:
        return None
    try:
        beat = datetime.fromisoformat(text)
    except ValueError:
        return None
    return beat if beat.tzinfo else beat.replace(tzinfo=UTC)


def is_silent(text: object, *, since: datetime) -> bool:
    """Whether a worker reported once, and last before `since`; one that never was is not silent."""
    beat = last_heartbeat(text)
    return beat is not None and beat < since
