"""The same finding is acted on ever more seldom, another one at once."""

from __future__ import annotations

from airunway.workers.audit.repeats import Repeats


def acted_on(repeats: Repeats, what: str, *, until: int) -> list[int]:
    """The seconds at which a finding that is made every second is acted on."""
    return [now for now in range(until) if repeats.is_due("chat", what, float(now))]


def test_the_pause_doubles_up_to_its_maximum() -> None:
    assert acted_on(Repeats(first=2, maximum=8), "gone", until=32) == [0, 2, 6, 14, 22, 30]


def test_another_finding_is_acted_on_at_once() -> None:
    repeats = Repeats(first=100, maximum=100)
    assert repeats.is_due("chat", "gone", 0.0)

    assert not repeats.is_due("chat", "gone", 1.0)
    assert repeats.is_due("chat", "not ready", 1.0)
    assert repeats.is_due("other", "gone", 1.0)


def test_what_was_over_in_between_is_new_again() -> None:
    repeats = Repeats(first=100, maximum=100)
    assert repeats.is_due("chat", "gone", 0.0)
    assert repeats.is_known("chat", "gone")

    repeats.keep(())

    assert not repeats.is_known("chat", "gone")
    assert repeats.is_due("chat", "gone", 1.0)
