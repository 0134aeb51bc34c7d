"""Keeps the objects in a file, so that a restart of the sandbox goes on where it stopped.

One line of JSON an object, after a head line with the version counter; written to a temporary file and moved
into place, so a crash leaves the old file or the new one.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from .store import Store, Version

FILE_NAME = "cluster.jsonl"
_FORMAT = 1


class Snapshot:
    """Saves a store's objects soon after they change."""

    def __init__(self, store: Store, folder: Path, *, delay: timedelta = timedelta(milliseconds=500)) -> None:
        self._store = store
        self._path = folder / FILE_NAME
        self._delay = delay  # many changes come together: one file for all of them
        self._saved_rv = self._written_rv = 0
        self._writing = threading.Lock()

    def load(self) -> bool:
        """Restores what was saved; False when there is nothing. Raises RuntimeError for a damaged file."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return False
        try:
            self._restore(lines)
        except (ValueError, TypeError, LookupError) as err:
            raise RuntimeError(
                f"{self._path} is damaged ({err}); move it away to begin with an empty cluster"
            ) from err
        for table in self._store.tables.values():
            table.forgotten = table.last_rv = self._store.rv
        return True

    def _restore(self, lines: list[bytes]) -> None:
        head = json.loads(lines[0])
        self._store.rv = self._saved_rv = head["resourceVersion"]
        for line in lines[1:]:
            group, plural, obj = json.loads(line)
            self._store.restore((group, plural), obj)

    async def run(self) -> None:
        """Saves after changes, until cancelled."""
        while True:
            await self._store.changed.wait()
            self._store.changed.clear()
            await asyncio.sleep(self._delay.total_seconds())
            if self._saved_rv != self._store.rv:
                self._saved_rv, data = self._store.rv, b"".join(self._lines())
                # On a busy disk a write can take seconds, and every request would wait for it.
                await asyncio.to_thread(self._write, data, self._saved_rv)

    def save(self) -> None:
        """Writes the file if anything changed since last time."""
        if self._saved_rv != self._store.rv:
            self._saved_rv = self._store.rv
            self._write(b"".join(self._lines()), self._saved_rv)

    def _write(self, data: bytes, rv: int) -> None:
        with self._writing:
            if rv < self._written_rv:
                return  # the last save, at the stop, overtook this one
            self._written_rv = rv
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(".tmp")
            temporary.touch(mode=0o600)  # objects may be Secrets
            temporary.chmod(0o600)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)

    def _lines(self) -> Iterator[bytes]:
        yield json.dumps({"format": _FORMAT, "resourceVersion": self._store.rv}).encode() + b"\n"
        for (group, plural), table in self._store.tables.items():
            for version in table.all():
                yield _line(group, plural, version)


def _line(group: str, plural: str, version: Version) -> bytes:
    return b"[%s,%s,%s]\n" % (json.dumps(group).encode(), json.dumps(plural).encode(), version.body)
