"""Start, await, stop and kill one server, by its process id only.

A server is a `Server` that says its command line and when it is ready; what is hard to get right once (no
orphans, no waiting on a dead process, logs shown on failure) is here. Any program can be run so, not only
Kubernetes' own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Self

BOUND = Path(__file__).with_name("bound.py")
KEEP = "ENVTEST_KEEP"  # a variable; set, it keeps folders that were made for a server, with its log
# Starts of names of variables that would send a server or its command line tool elsewhere.
HIDDEN_VARIABLES = ("ETCD_", "KUBECONFIG", "KUBERNETES_")

# The kernel's "signal me when my parent dies" means the parent's *thread*. A test may restart a server
# from a short-lived one (asyncio.to_thread), so all are started from one that lives as long as we do.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="server-spawner")


class ServerFailed(Exception):
    """A server did not start; the message ends with the last lines of its log."""


class Server:
    """One server process, its folder and its log. Stopping and starting again keeps its data.

    Used as a context manager it also removes its folder at the end, if it made it itself.
    """

    name: ClassVar[str]
    start_timeout: ClassVar[float] = 180  # seconds; each starts in under 10, on a busy machine in far more
    stop_timeout: ClassVar[float] = 20  # seconds before a stop becomes a kill
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    death_signal: ClassVar[signal.Signals] = signal.SIGKILL  # sent by the kernel when this process dies
    hidden_variables: ClassVar[tuple[str, ...]] = HIDDEN_VARIABLES  # what of our environment it must not see
    user: str | None = None  # run as this user rather than our own

    def __init__(self, folder: Path | None = None, *, extra_args: Sequence[str] = ()) -> None:
        self._own_folder = folder is None
        # Absolute, because the server runs in it.
        self.folder = (folder or Path(tempfile.mkdtemp(prefix=f"envtest-{self.name}-"))).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.extra_args = list(extra_args)
        self.log = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The command line, without `extra_args`."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Write what the server reads (keys, configuration). Runs at each start: keep what is there."""

    def is_ready(self) -> bool:
        """Whether the server answers; an OSError counts as no."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until ready. Raises ServerFailed, leaving nothing running."""
        if self.pid is not None:
            return self
        self.prepare()
        self._process = _spawner.submit(self._spawn).result()
        try:
            self._await_ready()
        except BaseException:  # an interrupt too must not leave a half-started server
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Ask the server to end, and wait until it has; kill it when it does not."""
        if self.pid is None or self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server as a crash would: no warning, no clean-up of its own."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop, then start on the same data and port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._clean_up()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._clean_up()

    def _clean_up(self) -> None:
        if self._own_folder and not os.environ.get(KEEP):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        bound = [sys.executable, "-I", "-S", str(BOUND), str(os.getpid())]
        bound += [str(int(self.death_signal)), self.user or ""]
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                [*bound, *self.command(), *self.extra_args],
                cwd=self.folder,
                env=clean_environment(self.hidden_variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the test run, which then stops its servers in order.
                start_new_session=True,
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout
        while not self._answers():
            if self.pid is None:
                status = self._process.returncode if self._process else None
                raise ServerFailed(
                    f"{self.name} ended with status {status} while starting\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} not ready after {self.start_timeout} s\n{self.log_tail()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return self.is_ready()
        except OSError:
            return False

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the log, under its path; cut where a line carries a stack trace."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join([f"{self.log}:", *(line[:400] for line in text.splitlines()[-lines:])])


def run_once(
    command: Sequence[str], *, user: str | None = None, hidden_variables: tuple[str, ...] = HIDDEN_VARIABLES
) -> None:
    """Run a command that prepares a server's data. Raises ServerFailed with what it said."""
    done = subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",  # ours may be closed to that user
        env=clean_environment(hidden_variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def clean_environment(hidden_variables: tuple[str, ...]) -> dict[str, str]:
    """Our environment without the variables whose names start so."""
    return {key: value for key, value in os.environ.items() if not key.startswith(hidden_variables)}
