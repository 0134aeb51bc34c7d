"""The child process, whatever it does: an answer, an error, and never a process or a file left behind."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
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


class Output:
    """What the child said."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self._changed = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(json.loads(line))
        self._changed.set()

    async def until(self, count: int) -> None:
        while len(self.lines) < count:
            self._changed.clear()
            await self._changed.wait()

    @property
    def pids(self) -> list[int]:
        return [line["pid"] for line in self.lines]


@pytest.fixture
def output(temporary_files: Path) -> Iterator[Output]:
    """Of a child that says who it is. After the test it is gone, with its family and its files."""
    output = Output()
    yield output
    assert output.pids
    assert not [pid for pid in output.pids if alive(pid)]
    assert not any(temporary_files.iterdir())


def child(
    how: str, output: Callable[[str], None], *, limit: timedelta = LONG, grace: timedelta = LONG
) -> Child:
    return Child(
        request={"operation": how},
        on_line=output,
        limit=limit,
        grace=grace,
        module="tests.clients.helm.pretend_child",
    )


async def test_a_large_answer_comes_whole(output: Output) -> None:
    answer = await child("answer", output).run()

    assert len(answer["large"]) == 1_000_000


async def test_a_crash_is_an_error_with_its_first_words(output: Output) -> None:
    with pytest.raises(HelmCrashed, match="SIGSEGV") as caught:
        await child("crash", output).run()

    assert caught.value.retryable
    assert "unexpected signal" in caught.value.detail


async def test_an_end_without_an_answer_is_an_error() -> None:
    with pytest.raises(HelmCrashed, match="status 3"):
        await child("leave", Output()).run()


async def test_a_cancelled_call_lets_the_child_put_things_in_order(output: Output) -> None:
    running = asyncio.create_task(child("obey", output).run())
    await output.until(1)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_child_that_does_not_end_is_ended_with_its_family(output: Output) -> None:
    running = asyncio.create_task(child("ignore", output, grace=AT_ONCE).run())
    await output.until(2)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_second_cancel_ends_the_grace(output: Output) -> None:
    running = asyncio.create_task(child("ignore", output).run())
    await output.until(2)

    running.cancel()
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_child_that_hangs_is_ended(output: Output) -> None:
    with pytest.raises(TimedOut) as caught:
        await child("ignore", output, limit=timedelta(seconds=2), grace=AT_ONCE).run()

    assert caught.value.retryable


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
