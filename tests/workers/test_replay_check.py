"""What a failed replay says becomes a sentence."""

from __future__ import annotations

import pytest

from airunway.workers.replay_check import plain_difference

DUMP = (
    'Workflow activation completion failed: Failure {{ failure: Some(Failure {{ message: "{0}", source: "",'
    ' stack_trace: "", cause: None }}), force_cause: NonDeterministicError }}'
)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        pytest.param(
            "[TMPRL1100] Nondeterminism error: Missing associated machine for LocalActivity(3)",
            "the history has LocalActivity number 3, which this build does not begin there",
            id="an inline step that this build does not do there",
        ),
        pytest.param(
            "[TMPRL1100] Nondeterminism error: No command scheduled for event "
            "HistoryEvent(id: 9, TimerStarted)",
            "event 9 of the history is TimerStarted, and this build does nothing there",
            id="this build waits for something else",
        ),
        pytest.param(
            "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event: "
            "HistoryEvent(id: 5, ActivityTaskScheduled)",
            "event 5 of the history is ActivityTaskScheduled, and this build does something else there "
            "(Timer)",
            id="another kind of step",
        ),
        pytest.param(
            "[TMPRL1100] Nondeterminism error: Activity type of scheduled event 'observe' does not match "
            "activity type of activity command 'validate'",
            "the history goes on with Activity 'observe', and this build with 'validate'",
            id="another step of the same kind",
        ),
        pytest.param(
            "Failed decoding arguments",
            "this build cannot go on with it: Failed decoding arguments",
            id="an input that this build cannot read",
        ),
    ],
)
@pytest.mark.parametrize("form", ["{0}", DUMP], ids=["plain", "as the SDK dumps it"])
def test_a_difference_is_told_in_plain_words(said: str, wanted: str, form: str) -> None:
    assert plain_difference(RuntimeError(form.format(said))) == wanted


def test_what_is_very_long_is_cut() -> None:
    assert len(plain_difference(RuntimeError("x" * 10_000))) == 500
