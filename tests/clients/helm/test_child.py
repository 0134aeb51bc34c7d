"""The child process, whatever it does: an answer, an error, and never a process or a file left behind."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.helm.child import Child, environment
from airunway.clients.helm.errors import HelmCrashed, TimedOut
from tests.clients.helm.conftest import alive

ROOT = Path(__file__).parents[3]
LONG = timedelta(minutes=1)
AT_ONCE = timedelta()


class Told:
    """What the child said, and an event for the next thing it says."""

    def __init__(self, *, expect: int = 1) -> None:
        self.lines: list[Any] = []
        self._expect = expect
        self.all = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(json.loads(line))
        if len(self.lines) >= self._expect:
            self.all.set()

    @property
    def pids(self) -> list[int]:
        return [line["pid"] for line in self.lines]


def child(how: str, told: Told, *, limit: timedelta = LONG, grace: timedelta = LONG) -> Child:
    return Child(
        request={"operation": how},
        on_line=told,
        limit=limit,
        grace=grace,
        module="tests.clients.helm.pretend_child",
    )


async def test_a_large_answer_comes_whole(temporary_files: Path) -> None:
    told = Told()

    answer = await child("answer", told).run()

    assert len(answer["large"]) == 1_000_000
    assert_nothing_left(told, temporary_files)


async def test_a_crash_is_an_error_with_its_first_words(temporary_files: Path) -> None:
    told = Told()

    with pytest.raises(HelmCrashed, match="SIGSEGV") as caught:
        await child("crash", told).run()

    assert caught.value.retryable
    assert "unexpected signal" in caught.value.detail
    assert_nothing_left(told, temporary_files)


async def test_an_end_without_an_answer_is_an_error() -> None:
    with pytest.raises(HelmCrashed, match="status 3"):
        await child("leave", Told()).run()


async def test_a_cancelled_call_lets_the_child_put_things_in_order(temporary_files: Path) -> None:
    told = Told()
    running = asyncio.create_task(child("obey", told).run())
    await told.all.wait()

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert_nothing_left(told, temporary_files)


async def test_a_child_that_does_not_end_is_ended_with_its_family(temporary_files: Path) -> None:
    told = Told(expect=2)
    running = asyncio.create_task(child("ignore", told, grace=AT_ONCE).run())
    await told.all.wait()

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert_nothing_left(told, temporary_files)


async def test_a_second_cancel_ends_the_grace(temporary_files: Path) -> None:
    told = Told(expect=2)
    running = asyncio.create_task(child("ignore", told).run())
    await told.all.wait()

    running.cancel()
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert_nothing_left(told, temporary_files)


async def test_a_child_that_hangs_is_ended(temporary_files: Path) -> None:
    told = Told()

    with pytest.raises(TimedOut) as caught:
        await child("ignore", told, limit=timedelta(seconds=2), grace=AT_ONCE).run()

    assert caught.value.retryable
    assert_nothing_left(told, temporary_files)


def test_folders_of_the_user_are_not_used() -> None:
    inherited = {"HOME": "/home/me", "HELM_REPOSITORY_CONFIG": "/home/me/r.yaml", "KUBECONFIG": "/k"}

    found = environment(Path("/private"), inherited)

    assert found["HOME"] == "/home/me" and found["KUBECONFIG"] == "/k"
    named = {key: value for key, value in found.items() if key not in ("HOME", "KUBECONFIG", "PYTHONPATH")}
    assert all(value.startswith("/private") for value in named.values()), named


PARENT = """
import asyncio
from datetime import timedelta
from airunway.clients.helm.child import Child
asyncio.run(
    Child(
        request={"operation": "obey"},
        on_line=lambda line: print(line, flush=True),
        limit=timedelta(minutes=1),
        grace=timedelta(minutes=1),
        module="tests.clients.helm.pretend_child",
    ).run()
)
"""


def test_a_child_ends_when_its_parent_is_killed(temporary_files: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary_files)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=environ)
    with parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]
        end = os.pidfd_open(pid)

        parent.kill()

    ended, _, _ = select.select([end], [], [], 60)
    os.close(end)
    assert ended


def assert_nothing_left(told: Told, temporary_files: Path) -> None:
    assert told.pids
    assert not [pid for pid in told.pids if alive(pid)]
    assert not any(temporary_files.iterdir())
