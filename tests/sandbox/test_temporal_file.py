"""The file of the sandbox's Temporal server: it survives the server, on every file system."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from airunway.sandbox.temporal import TemporalServer


class _WithoutSharedMemory:
    """A connection to a file where SQLite cannot keep a log of its own."""

    def __init__(self, _path: Path) -> None:
        pass

    def execute(self, statement: str) -> Any:
        if "journal_mode" in statement:
            raise sqlite3.OperationalError("disk I/O error")
        return self

    def close(self) -> None:
        pass


LOG, ROLLBACK = 2, 1
"""Byte 18 of the file: what SQLite writes beside it."""


@pytest.fixture(params=[LOG, ROLLBACK], ids=["with a log", "without shared memory"])
def written_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How the file is written."""
    if request.param == ROLLBACK:
        monkeypatch.setattr("airunway.sandbox.temporal.sqlite3.connect", _WithoutSharedMemory)
    return int(request.param)


def _format(kept: Path) -> int:
    return kept.read_bytes()[18]


async def _started(server: TemporalServer) -> str:
    client = await Client.connect(server.address)
    handle = await client.start_workflow("Anything", id="kept", task_queue="nobody")
    return str(handle.first_execution_run_id)


async def test_what_was_begun_is_there_after_the_server_was_killed(tmp_path: Path, written_by: int) -> None:
    kept = tmp_path / "temporal.db"
    async with TemporalServer(data_file=kept, headless=True) as server:
        run = await _started(server)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()

    async with TemporalServer(data_file=kept, headless=True) as again:
        client = await Client.connect(again.address)
        found = await client.get_workflow_handle("kept").describe()

    assert found.run_id == run
    assert _format(kept) == written_by
