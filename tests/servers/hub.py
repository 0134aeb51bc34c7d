"""A model hub for tests: the pretend one, with faults, a slow line, and downloads caught half-way.

Apart from `airunway.sandbox.hub` because nobody who tries the system out wants its downloads to break.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from airunway.sandbox.hub import PretendHub, resolve_url
from airunway.sandbox.hub_models import Blob, HubModel

__all__ = ["Hub", "HubModel", "Seen", "resolve_url"]


@dataclass(frozen=True)
class Seen:
    """A request: `where` is api, resolve or cdn."""

    where: str
    path: str
    authorization: str
    range: str = ""


@dataclass
class _Fault:
    where: str
    file: str
    left: int  # how often it still strikes; negative: always
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    drop_after: int = -1  # bytes
    other_bytes: bytes | None = None


class Hub(PretendHub):
    """A hub whose downloads can be refused, dropped, changed, slowed or held.

    `requests` are all that were made; `unfinished` counts downloads the client left before their end.
    """

    def __init__(self, models: Iterable[HubModel] = ()) -> None:
        super().__init__(models)
        self.requests: list[Seen] = []
        self.unfinished = 0
        self.bytes_sent = 0
        self.held = asyncio.Event()
        """A download has reached the mark of `hold_after` and waits for `let_go`."""
        self.left = asyncio.Event()
        """A client left a download before its end."""
        self._faults: list[_Fault] = []
        self._hold_at: int | None = None
        self._go = asyncio.Event()
        self._bytes_per_second = 0.0

    def refuse(
        self, status: int, *, where: str = "resolve", file: str = "", times: int = -1, retry_after: int = 0
    ) -> None:
        """Answer with a status (401, 403, 404, 429, 5xx).

        Args:
            status: HTTP status.
            where: api, resolve or cdn.
            file: end of the path it is for; empty: all.
            times: how often; -1 means always.
            retry_after: seconds to say in Retry-After; 0: do not say.
        """
        headers = (("Retry-After", str(retry_after)),) if retry_after else ()
        self._faults.append(_Fault(where, file, times, status=status, headers=headers))

    def drop(self, *, after: int, file: str = "", times: int = -1) -> None:
        """Break the connection after so many bytes of a file."""
        self._faults.append(_Fault("cdn", file, times, drop_after=after))

    def swap(self, other: bytes, *, file: str = "", times: int = -1) -> None:
        """Serve these bytes instead of those announced."""
        self._faults.append(_Fault("cdn", file, times, other_bytes=other))

    def heal(self) -> None:
        """End all faults, holds and slowness."""
        self._faults.clear()
        self.let_go()
        self._bytes_per_second = 0.0

    def throttle(self, bytes_per_second: float) -> None:
        """Slow every download down; 0 means not at all."""
        self._bytes_per_second = bytes_per_second

    def hold_after(self, count: int) -> None:
        """Let the next downloads stop after so many bytes until `let_go`; then `held` is set."""
        self._hold_at = count
        self.held.clear()
        self._go.clear()

    def let_go(self) -> None:
        """Let held downloads go on, and later ones pass."""
        self._hold_at = None
        self._go.set()

    async def gate(self, request: web.Request) -> None:
        where = _where(request)
        headers = request.headers
        seen = Seen(where, request.path, headers.get("Authorization", ""), headers.get("Range", ""))
        self.requests.append(seen)
        fault = self._take(request, refusing=True)
        if fault is not None:
            refusal = web.HTTPException(headers=dict(fault.headers), text=f"told to answer {fault.status}")
            refusal.set_status(fault.status)
            raise refusal

    def chunks_of(self, request: web.Request, blob: Blob, start: int, stop: int) -> Iterable[bytes]:
        fault = self._take(request, refusing=False)
        if fault is not None and fault.other_bytes is not None:
            # As many bytes as announced: what is wrong is found by the hash alone.
            other = fault.other_bytes * (blob.size // max(1, len(fault.other_bytes)) + 1)
            yield other[start:stop]
            return
        size = 256 * 1024 if self._bytes_per_second or self._hold_at is not None else 1024 * 1024
        limit = stop if fault is None else min(stop, start + fault.drop_after)
        yield from blob.chunks(start, limit, size=size)
        if limit < stop and request.transport is not None:
            request.transport.abort()

    async def write(self, response: web.StreamResponse, chunk: bytes) -> None:
        try:
            await self._wait_if_held()
            await super().write(response, chunk)
            self.bytes_sent += len(chunk)
            if self._bytes_per_second:
                await asyncio.sleep(len(chunk) / self._bytes_per_second)
        except (asyncio.CancelledError, ConnectionError):
            self.unfinished += 1
            self.left.set()
            raise

    async def _wait_if_held(self) -> None:
        if self._hold_at is not None and self.bytes_sent >= self._hold_at:
            self.held.set()
            await self._go.wait()

    def _take(self, request: web.Request, *, refusing: bool) -> _Fault | None:
        where, file = _where(request), request.query.get("file", request.path)
        for fault in self._faults:
            fits = fault.where == where and file.endswith(fault.file) and bool(fault.status) == refusing
            if fits and fault.left != 0:
                fault.left -= 1
                return fault
        return None

    async def __aexit__(self, *exc: object) -> None:
        with suppress(ConnectionError):
            await super().__aexit__(*exc)


def _where(request: web.Request) -> str:
    if request.path.startswith("/cdn/"):
        return "cdn"
    return "api" if request.path.startswith("/api/") else "resolve"
