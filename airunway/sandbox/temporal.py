"""Temporal's development server as a child process: found, started, awaited, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from temporalio.client import Client
from temporalio.service import RPCError

from airunway.sandbox.ui_gate import UiGate, hidden_address

OLDEST = (1, 4)
"""Oldest CLI with a server that knows what the workflows use (user metadata, versioned signals)."""

USUAL_PORT, USUAL_UI_PORT = 7233, 8233
FAIRNESS = "matching.enableFairness"
"""Dynamic setting of the server: without it, fairness keys (`workflows.steps.fair_between`) do nothing."""
EAGER_STEPS = "system.enableActivityEagerExecution"
"""Dynamic setting of the server, off before 1.32: a step goes to its worker with the answer to the task that
asked for it, which saves the server a transaction and the worker a poll."""
HTTP_HOSTS = "frontend.httpAllowedHosts"
"""Dynamic setting of the server: the names that its HTTP API may be called by."""
_LOCAL_HOSTS = ["127.0.0.1:*", "localhost:*"]
WRITE_AHEAD = ("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1")
"""How a server on a file writes: its log is synced now and then instead of the file with every transaction, a
quarter more deployments a second. What a killed process wrote is there; a power failure may take back the
last moments, and deployments go on from what the cluster says."""
START_SECONDS = 30.0
STOP_SECONDS = 10.0


class TemporalServerError(RuntimeError):
    """The server cannot be had or did not start. The message says what to do."""


def find_binary(environ: Mapping[str, str] = os.environ) -> Path:
    """The `temporal` on PATH if it is new enough, else the one that was installed beside Python."""
    on_path = shutil.which("temporal", path=environ.get("PATH"))
    beside = shutil.which("temporal", path=str(Path(sys.executable).parent))
    for candidate in filter(None, (on_path, beside)):
        if _version(candidate) >= OLDEST:
            return Path(candidate)
    wanted = ".".join(map(str, OLDEST))
    raise TemporalServerError(
        f"no `temporal` command of version {wanted} or newer is installed: "
        "pip install 'airunway-temporal[sandbox]', or put Temporal's CLI on PATH"
    )


def _can_write_ahead(folder: Path) -> bool:
    """Whether SQLite can keep its log there: it needs memory that is shared, which many network ones lack."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".probe-") as place:
        try:
            with contextlib.closing(sqlite3.connect(Path(place) / "probe.db")) as probe:
                (mode,) = probe.execute("PRAGMA journal_mode=wal").fetchone()
                probe.execute("CREATE TABLE probe (value)")
        except sqlite3.Error:
            return False
    return bool(mode == "wal")


def _version(binary: str) -> tuple[int, int]:
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.search(r"version v?(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def free_port(usual: int = 0) -> int:
    """The usual port when nobody has it, else any free one."""
    for port in (usual, 0) if usual else (0,):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise TemporalServerError("no free port on 127.0.0.1")


@contextlib.contextmanager
def claimed_port(usual: int) -> Iterator[int]:
    """The usual port when nobody has it or is about to listen on it, else any free one.

    That a port is free now is said to everybody who looks before the first server listens, which takes
    seconds. So whoever is to have the usual one holds the UDP port of its number, which nobody uses, for as
    long as the context is open.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(("127.0.0.1", usual))
        except OSError:
            usual = 0
        yield free_port(usual)


@dataclass
class TemporalServer:
    """One development server. Its data survives in `data_file`; None keeps it in memory only."""

    data_file: Path | None = None
    log_file: Path | None = None
    port: int = 0
    ui_port: int = 0
    """Of the gate before the UI; see `ui_gate`."""
    search_attributes: Mapping[str, str] = field(default_factory=dict)
    """Name to type, e.g. `AirunwayPhase: Keyword`."""
    headless: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    """Dynamic settings of the server beside ours: name to JSON (`matching.updateAckInterval: "1s"`)."""
    _process: asyncio.subprocess.Process | None = None
    _gate: UiGate | None = None
    _hidden_ui: tuple[str, int] = ("", 0)

    @property
    def address(self) -> str:
        """host:port of the frontend."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui(self) -> str:
        """Address of the UI; empty without one."""
        return "" if self.headless else f"http://127.0.0.1:{self.ui_port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it answers. Raises TemporalServerError."""
        binary = await asyncio.to_thread(find_binary)
        self.port = self.port or free_port()
        self.ui_port = self.ui_port or free_port()
        await self._open_gate()
        with contextlib.ExitStack() as files:
            log = files.enter_context(self.log_file.open("ab")) if self.log_file else subprocess.DEVNULL
            self._process = await asyncio.create_subprocess_exec(
                str(binary),
                *self._arguments(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C goes to the whole foreground group; this server is stopped last, by us.
                start_new_session=True,
                preexec_fn=_die_with_parent(),
                umask=0o077,
            )
        try:
            await asyncio.wait_for(self._answers(), START_SECONDS)
        except TimeoutError:
            await self.stop()
            raise TemporalServerError(
                f"Temporal's server did not answer within {START_SECONDS:.0f} s; see {self.log_file}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def _open_gate(self) -> None:
        """Once: a server that is started again is behind the same gate."""
        if self.headless or self._gate is not None:
            return
        self._hidden_ui = (hidden_address(), free_port())
        address, port = self._hidden_ui
        gate = UiGate(port=self.ui_port, upstream=f"http://{address}:{port}")
        self._gate = await gate.__aenter__()

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        arguments += ["--log-level", "warn", "--log-format", "json", "--ui-disable-news-fetch"]
        ours = {FAIRNESS: "true", EAGER_STEPS: "true", HTTP_HOSTS: json.dumps(_LOCAL_HOSTS)}
        for name, value in {**ours, **self.settings}.items():
            arguments += ["--dynamic-config-value", f"{name}={value}"]
        address, port = self._hidden_ui
        arguments += ["--headless"] if self.headless else ["--ui-ip", address, "--ui-port", str(port)]
        if self.data_file is not None:
            arguments += ["--db-filename", str(self.data_file)]
            arguments += WRITE_AHEAD if _can_write_ahead(self.data_file.parent) else ()
        for name, kind in self.search_attributes.items():
            arguments += ["--search-attribute", f"{name}={kind}"]
        return arguments

    async def _answers(self) -> None:
        while True:
            if self._process is None or self._process.returncode is not None:
                raise TemporalServerError(f"Temporal's server ended at once; see {self.log_file}")
            try:
                client = await Client.connect(self.address)
                await client.count_workflows()
                return
            except (RuntimeError, OSError, RPCError):
                await asyncio.sleep(0.1)

    async def wait(self) -> None:
        """Until the server ends, by itself or because it was stopped."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end and wait; kill it when it does not. Only the process that was started here."""
        if self._gate is not None:
            await self._gate.__aexit__()
            self._gate = None
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    """What makes the kernel end the child when this process dies without a word (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    set_death_signal = 1  # PR_SET_PDEATHSIG

    def bind() -> None:
        libc.prctl(set_death_signal, signal.SIGTERM)

    return bind
