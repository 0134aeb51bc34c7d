"""The progress bar of image builds."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from airunway.cli.build_progress import BuildNow, Builds, bars, is_building
from airunway.messages.model_image import BuildProgress
from airunway.workers.settings import Settings
from airunway.workflows.model_image.details import duration_words, percent, progress_words


def deployment(*, reason: str = "ImageBuilding") -> dict[str, Any]:
    condition = {"type": "ModelImageReady", "status": "False", "reason": reason, "message": ""}
    return {
        "metadata": {"namespace": "default", "name": "tiny"},
        "status": {"conditions": [condition]},
    }


def shown(*builds: BuildNow) -> str:
    screen = Console(file=io.StringIO(), width=160)
    screen.print(bars(builds))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_bar_says_how_far_and_how_long() -> None:
    progress = BuildProgress(
        step="downloading a.gguf",
        done_bytes=1_200_000_000,
        total_bytes=3_500_000_000,
        bytes_per_second=45_000_000,
        seconds_left=51,
    )

    line = shown(BuildNow("tiny", progress))

    assert "tiny" in line and "34%" in line
    assert "downloading a.gguf: 34% (1.2 GB of 3.5 GB, 45.0 MB/s, 51 s left)" in line


def test_without_a_count_there_is_no_percentage() -> None:
    line = shown(BuildNow("tiny", BuildProgress(step="pushing", total_bytes=3_500_000_000)))

    assert "pushing (of 3.5 GB)" in line
    assert "0%" not in line


def test_without_builds_nothing_is_shown() -> None:
    assert shown().strip() == ""


def test_only_deployments_whose_image_is_on_its_way_are_asked_about() -> None:
    assert is_building(deployment())
    assert not is_building(deployment(reason="BuildCancelled"))
    assert not is_building({"metadata": {}, "status": {}})


async def test_without_temporal_the_table_stands_alone(closed_port: int) -> None:
    settings = Settings(temporal_address=f"127.0.0.1:{closed_port}")

    assert await Builds(settings).of([deployment()]) == []


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (99, "99 s"), (720, "12 min"), (12_600, "3.5 h")])
def test_times_for_people(seconds: float, text: str) -> None:
    assert duration_words(seconds) == text


@pytest.mark.parametrize(("done", "total", "wanted"), [(0, 0, 0), (5, 10, 50), (20, 10, 100)])
def test_percent_stays_in_its_bounds(done: int, total: int, wanted: int) -> None:
    assert percent(BuildProgress(step="x", done_bytes=done, total_bytes=total)) == wanted


def test_trouble_is_shown_in_place_of_numbers() -> None:
    trouble = BuildProgress(step="waiting", done_bytes=5, total_bytes=10, trouble="the hub is away")

    assert progress_words(trouble) == "waiting: the hub is away"
