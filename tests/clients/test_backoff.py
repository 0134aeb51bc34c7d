"""Delays grow up to a limit and begin again after a success; nothing here waits."""

from __future__ import annotations

import itertools

import pytest

from airunway.clients.backoff import Backoff, retry


def delays(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_delay() for _ in range(count)]


@pytest.mark.parametrize(
    ("backoff", "want"),
    [
        pytest.param(Backoff(first=1, maximum=10), [1, 2, 4, 8, 10, 10], id="doubles up to the maximum"),
        pytest.param(Backoff(first=1, maximum=50, factor=3), [1, 3, 9, 27, 50, 50], id="by another factor"),
        pytest.param(Backoff(first=2, maximum=2), [2, 2, 2, 2, 2, 2], id="never grows"),
        pytest.param(Backoff(first=5, maximum=2), [2, 2, 2, 2, 2, 2], id="the maximum holds for the first"),
    ],
)
def test_delays_grow_up_to_the_maximum(backoff: Backoff, want: list[float]) -> None:
    assert delays(backoff, 6) == want


def test_a_success_begins_again_at_the_first() -> None:
    backoff = Backoff(first=1, maximum=10)
    delays(backoff, 3)

    backoff.reset()

    assert delays(backoff, 2) == [1, 2]


def test_jitter_spreads_around_a_delay_that_grows_all_the_same() -> None:
    many = [delays(Backoff(first=1, maximum=4, jitter=0.2), 4) for _ in range(200)]

    for found, usual in zip(zip(*many, strict=True), (1, 2, 4, 4), strict=True):
        assert all(usual * 0.8 <= delay <= usual * 1.2 for delay in found)
        assert len(set(found)) > 1


async def test_what_fails_is_tried_again_after_each_delay() -> None:
    errors = iter([OSError("one"), TimeoutError("two")])
    slept: list[float] = []
    failures: list[tuple[str, float]] = []

    async def attempt() -> str:
        if error := next(errors, None):
            raise error
        return "done"

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    result = await retry(
        attempt,
        on=(OSError,),  # a TimeoutError is one
        backoff=Backoff(first=1, maximum=10),
        failed=lambda err, delay: failures.append((str(err), delay)),
        sleep=sleep,
    )

    assert (result, slept, failures) == ("done", [1, 2], [("one", 1), ("two", 2)])


async def test_another_error_ends_it() -> None:
    counted = itertools.count()

    async def attempt() -> None:
        next(counted)
        raise ValueError("not one of those")

    with pytest.raises(ValueError, match="not one of those"):
        await retry(attempt, on=(OSError,), backoff=Backoff(first=1, maximum=1), failed=lambda *_: None)
    assert next(counted) == 1
