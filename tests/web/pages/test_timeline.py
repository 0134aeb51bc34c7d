"""The life of a deployment as entries: newest first, in words, other workflows folded in."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import UTC, datetime, timedelta

import pytest

from airunway import messages
from airunway.console.history.line import HistoryLine, Source
from airunway.messages.step import Step
from airunway.web.pages.timeline import folded
from airunway.web.pages.timeline_words import STEPS, words_of

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
IMAGE = "image/here/acme/tiny/0123"


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


def test_steps_of_an_image_lie_under_one_head_whatever_happens_meanwhile() -> None:
    lines = [
        line(1, Source.HISTORY, "build_image"),
        line(2, Source.IMAGE, "ensure_registry", workflow=IMAGE),
        line(3, Source.HISTORY, "write_status"),
        line(4, Source.IMAGE, "build_model_image", workflow=f"{IMAGE}/build"),
        line(5, Source.IMAGE, "run_completed", workflow=f"{IMAGE}/build"),
        line(6, Source.HISTORY, "object_changed"),
        line(7, Source.IMAGE, "run_completed", workflow=IMAGE),
        line(8, Source.HISTORY, "apply_upstream"),
    ]

    entries = folded(lines)

    assert [entry.what for entry in entries] == [
        "Objects written",
        "The image of its model, 4 steps",
        "Told to look",
        "Status written",
        "Image asked for",
    ]
    head = entries[1]
    assert head.message == "Workflow ends: run_completed"
    assert [entry.what for entry in head.folded] == [
        "Workflow ends",
        "Workflow ends",
        "Image built",
        "Registry prepared",
    ]


def test_an_image_that_is_built_again_has_another_head() -> None:
    lines = [
        line(1, Source.IMAGE, "run_failed", workflow=IMAGE),
        line(2, Source.HISTORY, "retry"),
        line(3, Source.IMAGE, "run_started", workflow=IMAGE),
        line(4, Source.IMAGE, "run_completed", workflow=IMAGE),
    ]

    assert [entry.what for entry in folded(lines)] == [
        "The image of its model, 2 steps",
        "Retry",
        "The image of its model, 1 step",
    ]


def test_an_installation_and_each_image_have_their_own_heads() -> None:
    lines = [
        line(1, Source.IMAGE, "A", workflow="image/a"),
        line(2, Source.INSTALLATION, "C", workflow="provider/x"),
        line(3, Source.IMAGE, "B", workflow="image/b"),
        line(4, Source.INSTALLATION, "D", workflow="provider/x"),
    ]

    assert [entry.what for entry in folded(lines)] == [
        "The installation of its provider, 2 steps",
        "The image of its model, 1 step",
        "The image of its model, 1 step",
    ]


def test_what_happened_several_times_says_so() -> None:
    (entry,) = folded([line(1, Source.JOURNAL, "A", details={"times": 7}, by="ann", why="because")])

    assert (entry.message, entry.by, entry.why) == ("a (7 times)", "ann", "because")


def test_why_is_not_said_twice() -> None:
    (entry,) = folded([line(1, Source.JOURNAL, "A", message="Pending: no GPU is free", why="no GPU is free")])

    assert (entry.message, entry.why) == ("Pending: no GPU is free", "")


def test_a_workflow_is_told_by_what_it_is_for() -> None:
    (entry,) = folded([line(1, Source.HISTORY, "image_report", by=IMAGE)])

    assert (entry.what, entry.by) == ("Told of the image", "the workflow of its image")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("PhaseChanged", "Phase changed"),
        ("FinalizersRemoved", "Finalizers removed"),
        ("CRDsMissing", "CRDs missing"),
        ("some_new_step", "Some new step"),
        ("cancel_build", "Build cancelled"),
        ("a signal! of anybody", "a signal! of anybody"),
        ("", ""),
    ],
)
def test_what_is_called_by_a_name_is_told_in_words(what: str, words: str) -> None:
    assert words_of(what) == words


def test_every_step_has_its_words() -> None:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(messages.__path__, f"{messages.__name__}.")
    ]

    names = {value.name for module in modules for value in vars(module).values() if isinstance(value, Step)}

    assert len(names) > 20
    assert names - set(STEPS) == set()
