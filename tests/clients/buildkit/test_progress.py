"""How far a build is follows from what the daemon reported so far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airunway.clients.buildkit import Progress
from airunway.clients.buildkit.progress import MAX_ERROR, MAX_NAME, MAX_VERTICES, ProgressFold
from airunway.clients.buildkit.wire import control_pb2 as control
from tests.clients.buildkit.images import http_file, model_image

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


def update(
    name: str, *, started: bool = True, at: datetime = NOW, completed: bool = False, **more: object
) -> control.StatusResponse:
    vertex = control.Vertex(digest=name, name=name, **more)  # type: ignore[arg-type]
    if started:
        vertex.started.FromDatetime(at)
    if completed:
        vertex.completed.FromDatetime(NOW)
    return control.StatusResponse(vertexes=[vertex])


def status(vertex: str, what: str, *, current: int = 0, completed: bool = False) -> control.StatusResponse:
    entry = control.VertexStatus(ID=what, vertex=vertex, current=current)
    if completed:
        entry.completed.FromDatetime(NOW)
    return control.StatusResponse(statuses=[entry])


def two_files() -> ProgressFold:
    return ProgressFold(model_image(http_file("a.gguf", size=1000), http_file("b.gguf", size=3000)))


def test_before_anything_it_is_preparing() -> None:
    assert two_files().progress(0.0) == Progress(
        step="preparing", done_bytes=0, total_bytes=4000, bytes_per_second=0.0, seconds_left=None
    )


def downloaded(name: str) -> list[control.StatusResponse]:
    """What a daemon reports of a whole download: its cache key, then the work."""
    times = (NOW, LATER)
    return [update(name, at=at, completed=completed) for at in times for completed in (False, True)]


def test_a_file_is_done_when_its_download_has_ended() -> None:
    fold = two_files()
    fold.fold(update("downloading /models/a.gguf"))
    fold.fold(update("downloading /models/b.gguf"))
    both = fold.progress(10.0)

    for message in downloaded("downloading /models/a.gguf"):
        fold.fold(message)

    assert (both.step, both.done_bytes, both.seconds_left) == ("downloading a.gguf and 1 more", 0, None)
    assert fold.progress(12.0) == Progress(
        step="downloading b.gguf", done_bytes=1000, total_bytes=4000, bytes_per_second=500.0, seconds_left=6.0
    )


def test_a_download_that_failed_is_not_done() -> None:
    fold = two_files()
    for message in downloaded("downloading /models/a.gguf")[:-1]:
        fold.fold(message)
    fold.fold(update("downloading /models/a.gguf", at=LATER, completed=True, error="unexpected EOF"))

    assert fold.progress(0.0).done_bytes == 0


@pytest.mark.parametrize(
    ("step", "done"),
    [
        ("placing /models/a.gguf aaaaaaaaaaaa", 1000),
        ("linking the files", 0),
        ("putting the layers together", 4000),
        ("exporting to image", 4000),
    ],
)
def test_what_waits_for_downloads_says_that_they_have_ended(step: str, done: int) -> None:
    fold = two_files()

    fold.fold(update(step))

    assert fold.progress(0.0).done_bytes == done


def test_a_step_that_ends_and_begins_again_was_not_done() -> None:
    fold = two_files()
    fold.fold(update("downloading /models/a.gguf", completed=True))
    after_its_key = fold.progress(0.0).done_bytes

    fold.fold(update("downloading /models/a.gguf", at=LATER))

    assert (after_its_key, fold.progress(0.0).done_bytes) == (0, 0)


def test_bytes_are_used_where_a_daemon_counts_them() -> None:
    fold = two_files()
    fold.fold(update("downloading /models/b.gguf"))
    fold.progress(0.0)

    fold.fold(status("downloading /models/b.gguf", "downloading", current=1500))

    now = fold.progress(3.0)
    assert (now.done_bytes, now.bytes_per_second, now.seconds_left) == (1500, 500.0, 5.0)


def test_what_is_kept_from_an_earlier_build_counts_as_done() -> None:
    fold = two_files()
    fold.fold(update("downloading /models/a.gguf", started=False, cached=True))
    fold.fold(update("placing /models/b.gguf aaaaaaaaaaaa", started=False, cached=True))

    assert fold.progress(0.0).done_bytes == 4000


def test_between_two_steps_the_last_one_is_shown() -> None:
    fold = two_files()
    fold.fold(update("placing /models/a.gguf aaaaaaaaaaaa"))
    fold.progress(0.0)

    fold.fold(update("placing /models/a.gguf aaaaaaaaaaaa", completed=True))

    assert fold.progress(1.0).step == "placing a.gguf"


def test_exporting_becomes_pushing_and_stays_so() -> None:
    fold = two_files()
    steps = []
    for message in (
        update("exporting to image"),
        status("exporting to image", "exporting layers"),
        update("exporting to image", completed=True),
        status("exporting to image", "pushing layers"),
        status("exporting to image", "pushing layers", completed=True),
    ):
        fold.fold(message)
        steps.append(fold.progress(0.0).step)

    assert steps == ["exporting", "exporting", "exporting", "pushing", "pushing"]


def test_the_step_that_failed_is_remembered_but_not_those_it_took_along() -> None:
    fold = two_files()
    fold.fold(update("downloading /models/a.gguf", error="unexpected EOF"))
    fold.fold(update("downloading /models/b.gguf", error="downloading: context canceled"))

    assert (fold.failed_step, fold.error) == ("downloading /models/a.gguf", "unexpected EOF")


def test_a_frontends_steps_are_shown_as_it_names_them() -> None:
    fold = ProgressFold()
    fold.fold(update("[2/3] RUN something"))

    assert fold.progress(0.0).step == "[2/3] RUN something"


def test_a_daemon_that_tells_without_end_is_listened_to_within_bounds() -> None:
    fold = two_files()

    for number in range(2 * MAX_VERTICES):
        fold.fold(update(f"v{number}", error="e" * 10_000))
        fold.fold(status("v0", f"s{number}", current=1))
    fold.fold(update("n" * 10_000, at=NOW))

    assert len(fold._vertices) == MAX_VERTICES
    assert len(fold._vertices["v0"].statuses) == MAX_VERTICES
    assert len(fold.error) <= MAX_ERROR
    assert len(fold.failed_step) <= MAX_NAME
    assert fold.progress(1.0).total_bytes == 4000
