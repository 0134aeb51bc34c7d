"""The child process: one operation of Helm, asked for and answered in JSON lines.

    stdin    the request, one line; then nothing. Its end means: cancel, wanted or because the parent died
    stdout   {"line": …} for what Helm says meanwhile; at last {"result": …} or {"failure": …}
    stderr   whatever the Go runtime prints when it crashes

It is a process of its own because the library carries a Go runtime, which survives neither a fork nor a crash
of its own, and because a call into it can only be ended by ending the process.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from airunway.clients.helm.classify import STOPPED
from airunway.clients.helm.driver import Driver, HelmSays, Obj, OnLine
from airunway.clients.helm.operations import Operations


class _Answers:
    """The way to the parent, used from several threads."""

    def __init__(self) -> None:
        # Whatever else prints to standard output must not come between the answers.
        self._file = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, answer: Obj) -> None:
        with self._lock:
            try:
                self._file.write(json.dumps(answer) + "\n")
                self._file.flush()
            except OSError:  # the parent is gone; its end is noticed where its requests come from
                pass

    def line(self, text: str) -> None:
        self.send({"line": text})


class _Run:
    """One operation in a thread, so that the main one can receive signals and the end of the requests."""

    def __init__(self, request: Obj, answers: _Answers) -> None:
        self._request = request
        self._answers = answers
        self._driver: Driver | None = None
        self.cancelled = threading.Event()
        self.ended = threading.Event()

    def work(self) -> None:
        """Do it and answer."""
        operations: Operations | None = None
        try:
            folder = Path(self._request["folder"])
            self._driver = driver(self._request, folder=folder, on_line=self._answers.line)
            operations = Operations(self._driver, on_line=self._answers.line)
            result = operations.run(self._request["operation"], self._request["arguments"])
            self._answers.send({"result": result})
        except HelmSays as err:
            step = operations.step if operations else "release"
            self._fail(err.text, code=err.code, step=step)
        except Exception as err:  # the parent must learn of it, whatever it is
            self._fail(f"{type(err).__name__}: {err}", code="UNKNOWN")
        finally:
            self.ended.set()

    def cancel(self) -> None:
        """Ask Helm to end; where it cannot be asked, end without it."""
        self.cancelled.set()
        if self._driver is None or not self._driver.cancel():
            self._fail("cancelled")
            self.ended.set()

    def _fail(self, text: str, *, code: str = "", step: str = "release") -> None:
        code = STOPPED if self.cancelled.is_set() else code
        self._answers.send({"failure": {"text": text, "code": code, "step": step}})


def driver(request: Obj, *, folder: Path, on_line: OnLine) -> Driver:
    """The library, or the command if the request names one."""
    cluster: dict[str, Any] = {key: request[key] for key in ("kubeconfig", "context", "namespace")}
    if request["binary"]:
        from airunway.clients.helm.command import Command

        return Command(request["binary"], **cluster, on_line=on_line, folder=folder)
    try:
        from airunway.clients.helm.library import Library  # loads 85 MB of Go: only here
    except Exception as err:  # not for this platform, or not installed
        raise HelmSays(f"Helm's library cannot be loaded: {err}", code="MISSING") from err
    return Library(**cluster, on_line=on_line, folder=folder)


def _await_end(run: _Run) -> None:
    sys.stdin.buffer.read()
    run.cancel()


def _await_signal(run: _Run) -> None:
    # A handler may interrupt the main thread while it holds a lock; and a signal that one of Go's threads was
    # given does not wake the main one, in which handlers run. What Python writes at once wakes another one.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def wait() -> None:
        os.read(woken, 1)
        run.cancel()

    threading.Thread(target=wait, daemon=True).start()


def _await_cancelled(run: _Run, *, grace: float) -> None:
    run.cancelled.wait()
    run.ended.wait(grace)
    run.ended.set()


def main() -> None:
    """Serve one request and end at once: Go's threads may still be at work on what was cancelled."""
    parent = os.getppid()
    answers = _Answers()
    line = sys.stdin.buffer.readline()
    if not line:  # nobody asks any more
        return
    request = json.loads(line)
    run = _Run(request, answers)
    _await_signal(run)
    limit = partial(_await_cancelled, run, grace=request["grace"])
    for target in (run.work, partial(_await_end, run), limit):
        threading.Thread(target=target, daemon=True).start()
    run.ended.wait()
    if os.getppid() != parent:
        shutil.rmtree(request["folder"], ignore_errors=True)  # nobody else will
    os._exit(0)


if __name__ == "__main__":
    main()
