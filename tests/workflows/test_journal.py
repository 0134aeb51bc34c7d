"""What a journal keeps: the last entries, bounded in number and in size, the same ones counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airunway.messages.journal import MAX_BYTES, MAX_ENTRIES, MAX_TEXT, Journal

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_same_again_is_counted_and_its_time_is_the_last() -> None:
    journal = Journal()

    for minute in range(3):
        journal.record("Retry", "trying again", at=BEGIN + timedelta(minutes=minute), by="alice")
    journal.record("Retry", "trying again", at=BEGIN, by="bob")

    assert [(entry.by, entry.times) for entry in journal.entries] == [("alice", 3), ("bob", 1)]
    assert journal.entries[0].at == BEGIN + timedelta(minutes=2)


def test_another_generation_is_not_the_same() -> None:
    journal = Journal()

    for generation in (1, 2):
        journal.record("Applied", "Server chat", at=BEGIN, generation=generation)

    assert len(journal.entries) == 2


def test_of_many_the_last_are_kept_and_the_others_counted() -> None:
    journal = Journal()

    for number in range(MAX_ENTRIES + 7):
        journal.record("Applied", f"change {number}", at=BEGIN)

    assert len(journal.entries) == MAX_ENTRIES
    assert journal.dropped == 7
    assert journal.entries[-1].message == f"change {MAX_ENTRIES + 6}"


def test_long_texts_are_cut_and_all_together_stay_below_the_bound() -> None:
    journal = Journal()

    for number in range(MAX_ENTRIES):
        journal.record("Applied", f"{number}" + "ü" * 5000, at=BEGIN, by="a" * 5000, why="ß" * 5000)

    texts = [text for entry in journal.entries for text in (entry.by, entry.what, entry.message, entry.why)]
    assert max(map(len, texts)) == MAX_TEXT
    assert sum(len(text.encode()) for text in texts) <= MAX_BYTES
    assert journal.dropped > 0


def test_what_anybody_may_cause_does_not_push_out_the_rest() -> None:
    journal = Journal()
    journal.record("Applied", "Server chat", at=BEGIN)

    for number in range(MAX_ENTRIES):
        journal.record("UnknownSignal", f"signal {number}", at=BEGIN, most=2)

    assert [entry.message for entry in journal.entries] == ["Server chat", "signal 48", "signal 49"]
    assert journal.dropped == MAX_ENTRIES - 2


def test_one_that_came_from_the_run_before_is_bounded_as_well() -> None:
    before = Journal()
    for number in range(MAX_ENTRIES):
        before.record("Applied", f"{number}" + "a" * MAX_TEXT, at=BEGIN)

    journal = Journal.model_validate_json(before.model_dump_json())
    journal.record("Applied", "ü" * MAX_TEXT, at=BEGIN, why="ü" * MAX_TEXT)

    sizes = [len((entry.by + entry.what + entry.message + entry.why).encode()) for entry in journal.entries]
    assert MAX_BYTES - 4 * MAX_TEXT < sum(sizes) <= MAX_BYTES
