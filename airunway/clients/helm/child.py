"""Run the child process: start it, read its lines, and make sure that it ends.

A crash of Helm is the child's end without an answer. A cancelled call asks the child to end, waits for a
grace in which Helm can put things in order, and then ends it together with whatever it started.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from airunway.clients.bounded_json import BadDocument, read_json_off_loop
from airunway.clients.helm.classify import HelmFailure, HelmStep
from airunway.clients.helm.errors import HelmCrashed, TimedOut

_ROOT = Path(__file__).resolve().parents[3]
_MAX_BYTES = 256 * 1024 * 1024
"""Of one answer: a rendered chart with its definitions takes some megabytes."""
_MAX_LAST_WORDS = 40
"""Lines of a crash that are kept; the first ones name the cause."""

Obj = dict[str, Any]


class Failed(Exception):
    """Helm answered that it failed."""

    def __init__(self, failure: HelmFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure

    def redacted(self, redact: Callable[[str], str]) -> HelmFailure:
        """The failure without secrets."""
        return replace(self.failure, text=redact(self.failure.text))


@dataclass(kw_only=True)
class Child:
    """How to run one operation in a process of its own."""

    request: Obj
    on_line: Callable[[str], None]
    limit: timedelta
    """After which the operation counts as hung."""
    grace: timedelta
    """For an orderly end."""
    module: str = "airunway.clients.helm.process"
    _last_words: list[str] = field(default_factory=list)
    _answered: bool = False

    async def run(self) -> Any:
        """The operation's result. Raises Failed, TimedOut or HelmCrashed; cancelling it ends the process."""
        folder = Path(tempfile.mkdtemp(prefix="airunway-helm-"))
        try:
            process = await self._start(folder)
            try:
                return await self._answer(process, folder)
            finally:
                await self._end(process)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _start(self, folder: Path) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a file of that name in the folder somebody works in is not ours
            "-m",
            self.module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(folder, os.environ),
            limit=_MAX_BYTES,
            start_new_session=True,  # Ctrl-C is ours; and its whole family can be ended
        )

    async def _answer(self, process: asyncio.subprocess.Process, folder: Path) -> Any:
        assert process.stdin is not None
        request = self.request | {"folder": str(folder), "grace": self.grace.total_seconds()}
        reading_last_words = asyncio.create_task(self._read_last_words(process))
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                with suppress(ConnectionError):  # it died at once; what it said tells why
                    process.stdin.write(json.dumps(request, default=str).encode() + b"\n")
                    await process.stdin.drain()
                answer = await self._read_answers(process)
        except TimeoutError:
            raise TimedOut(f"Helm did not end within {self.limit}, and was stopped") from None
        finally:
            if process.returncode is None:
                reading_last_words.cancel()
        if answer is not None:
            reading_last_words.cancel()
            return answer["result"]
        await process.wait()
        with suppress(asyncio.CancelledError):
            await reading_last_words
        raise HelmCrashed(f"Helm's process {_how(process.returncode)}", detail="\n".join(self._last_words))

    async def _read_answers(self, process: asyncio.subprocess.Process) -> Obj | None:
        """The last answer; None if the process ended without one."""
        assert process.stdout is not None
        async for raw in process.stdout:
            answer = await _answer_from(raw)
            if "line" in answer:
                self.on_line(answer["line"])
                continue
            self._answered = True
            if "failure" in answer:
                raise Failed(_failure_from(answer["failure"]))
            return answer
        return None

    async def _read_last_words(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for raw in process.stderr:
            if len(self._last_words) < _MAX_LAST_WORDS:
                self._last_words.append(raw.decode(errors="replace").rstrip())

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Let it end, or end it. Cancelled meanwhile, it is ended without a grace."""
        assert process.stdin is not None
        process.stdin.close()
        ended = False
        try:
            async with asyncio.timeout(self.grace.total_seconds()):
                await process.wait()
            ended = self._answered  # else what it started may still be there
        except TimeoutError:
            pass
        finally:
            if not ended:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def _failure_from(answer: Obj) -> HelmFailure:
    return HelmFailure(text=answer["text"], code=answer["code"], step=HelmStep(answer["step"]))


def environment(folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: Helm's folders, and all temporary files, are its own.

    Nothing in the user's home is written; HOME stays for the kubeconfig and for credential plugins.
    """
    kept = {
        key: value
        for key, value in inherited.items()
        if not key.startswith("HELM_") or key == "HELM_C_LIB"  # names a build of the library
    }
    search = [str(_ROOT), *filter(None, [inherited.get("PYTHONPATH", "")])]
    return kept | {
        "HELM_CACHE_HOME": str(folder / "cache"),
        "HELM_CONFIG_HOME": str(folder / "config"),
        "HELM_DATA_HOME": str(folder / "data"),
        "DOCKER_CONFIG": str(folder / "docker"),  # registries are asked without anybody's login
        "KUBECACHEDIR": str(folder / "kube"),  # a discovery cache would not know new definitions
        "TMPDIR": str(folder),
        "PYTHONPATH": os.pathsep.join(search),
    }


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status} and no answer"


async def _answer_from(raw: bytes) -> Obj:
    try:
        answer: Obj = await read_json_off_loop(raw)
    except BadDocument as err:
        raise HelmCrashed(f"Helm's process answers what cannot be read: {err}") from err
    return answer
