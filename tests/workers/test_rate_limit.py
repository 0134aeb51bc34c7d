"""The limit of a key: a burst, then a steady rate; other keys are not slowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airunway.workers.rate_limit import RateLimit


def test_a_burst_is_served_at_once_and_then_one_an_interval() -> None:
    limit = RateLimit(burst=3, interval=2.0)
    now, served_at = 100.0, []

    for _ in range(6):
        now += limit.delay("chat", now)
        served_at.append(now)
        limit.served("chat", now)

    assert served_at == [100.0, 100.0, 100.0, 102.0, 104.0, 106.0]


def test_after_a_rest_a_burst_is_free_again() -> None:
    limit = RateLimit(burst=2, interval=1.0)
    for _ in range(2):
        limit.served("chat", 10.0)

    assert limit.delay("chat", 10.0) == 1.0
    assert limit.delay("chat", 12.0) == 0.0
    assert limit.delay("other", 10.0) == 0.0


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=60), st.integers(1, 8))
def test_no_window_holds_more_than_the_burst_and_the_rate(delays: list[float], burst: int) -> None:
    limit, interval = RateLimit(burst=burst, interval=0.5), 0.5
    now, served_at = 0.0, []

    for delay in delays:
        now += delay
        now += limit.delay("chat", now)
        limit.served("chat", now)
        served_at.append(now)

    for first in range(len(served_at)):
        for last in range(first, len(served_at)):
            allowed = burst + (served_at[last] - served_at[first]) / interval
            assert last - first + 1 <= allowed + 1e-6


def test_keys_at_rest_are_forgotten() -> None:
    limit = RateLimit(burst=1, interval=1.0)

    for number in range(5_000):
        limit.served(number, float(number))

    assert len(limit._full_at) < 1_100
