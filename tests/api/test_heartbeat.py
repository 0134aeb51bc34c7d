"""Whether a worker counts as alive, by the text of its last heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airunway.api.heartbeat import is_silent, last_heartbeat, oldest_alive

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "text", "limit", "silent"),
    [
        ("to the second", "2026-01-05T08:57:00Z", timedelta(minutes=3), False),
        ("a second later", "2026-01-05T08:56:59Z", timedelta(minutes=3), True),
        ("the same silence under a longer limit", "2026-01-05T08:56:59Z", timedelta(minutes=30), False),
        ("in another zone", "2026-01-05T10:56:59+02:00", timedelta(minutes=3), True),
        ("without a zone it is UTC", "2026-01-05T08:56:59", timedelta(minutes=3), True),
        ("a clock that is ahead", "2026-01-05T10:00:00Z", timedelta(minutes=3), False),
        ("never heard", "", timedelta(minutes=3), False),
        ("no text at all", None, timedelta(minutes=3), False),
        ("not a time", "yesterday", timedelta(minutes=3), False),
        ("a limit longer than the calendar", "0001-01-01T00:00:00Z", timedelta.max, False),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_silence(reason: str, text: object, limit: timedelta, silent: bool) -> None:
    assert is_silent(text, since=oldest_alive(NOW, limit=limit)) is silent, reason


def test_a_heartbeat_has_a_zone() -> None:
    assert last_heartbeat("2026-01-05T09:00:00") == NOW
