"""The life of a deployment as entries: newest first, other workflows folded in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airunway.console.history.line import HistoryLine, Source
from airunway.web.pages.timeline import folded

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def line(second: int, source: Source, what: str, *, workflow: str = "w", **more: object) -> HistoryLine:
    at = BEGIN + timedelta(seconds=second)
    return HistoryLine.model_validate(
        {"time": at, "source": source, "what": what, "workflow_id": workflow, "message": what.lower(), **more}
    )


def test_the_newest_comes_first() -> None:
    entries = folded([line(1, Source.JOURNAL, "A"), line(2, Source.HISTORY, "B")])

    assert [(entry.what, entry.stamp) for entry in entries] == [
        ("B", "2026-01-01T00:00:02Z"),
        ("A", "2026-01-01T00:00:01Z"),
    ]


def test_steps_of_an_image_lie_under_one_head() -> None:
    steps = [line(second, Source.IMAGE, f"S{second}", workflow="image/a") for second in (2, 3, 4)]

    after, head, before = folded([line(1, Source.HISTORY, "A"), *steps, line(5, Source.HISTORY, "B")])

    assert (after.what, before.what) == ("B", "A")
    assert (head.what, head.message) == ("3 steps of the image of its model", "s4")
    assert [entry.what for entry in head.folded] == ["S4", "S3", "S2"]


def test_two_images_are_two_heads_and_a_single_step_is_none() -> None:
    lines = [
        line(1, Source.IMAGE, "A", workflow="image/a"),
        line(2, Source.IMAGE, "B", workflow="image/b"),
        line(3, Source.INSTALLATION, "C", workflow="provider/x"),
        line(4, Source.INSTALLATION, "D", workflow="provider/x"),
    ]

    assert [entry.what for entry in folded(lines)] == [
        "2 steps of the installation of its provider",
        "B",
        "A",
    ]


def test_what_happened_several_times_says_so() -> None:
    (entry,) = folded([line(1, Source.JOURNAL, "A", details={"times": 7}, by="ann", why="because")])

    assert (entry.message, entry.by, entry.why) == ("a (7 times)", "ann", "because")
