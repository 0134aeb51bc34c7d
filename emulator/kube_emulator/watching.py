"""Answers watches: what was there, then every change, with bookmarks, until time is up or the log moved on.

A watch reads the kind's log from its own position, so a slow client costs nothing but its place; when the log
has dropped changes it still needed, it gets 410 and must list again, as from a real server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from . import listing, options
from .conversion import body
from .errors import StatusError, expired
from .requests import Request
from .selectors import Predicate
from .store import Change, Store, Table, Version, encode_json

Encoder = Callable[[str, Version, int], bytes]
"""Makes one event's line from its type, the object and the event's version."""


class Watch:
    """One client's watch."""

    def __init__(
        self, store: Store, request: Request, *, bookmark_every: float, encode: Encoder | None = None
    ) -> None:
        self._store = store
        self._request = request
        self._table: Table = store.table(request.kind.storage)
        self._wanted: Predicate | None = listing.predicate(request)
        self._encode = encode or self._json_line
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._bookmark_every = bookmark_every
        self._wake = asyncio.Event()
        self._closed = False
        self._expired = False
        self._position = 0
        self._asked = _start(request)
        options.check_list(request, watch=True)

    def close(self) -> None:
        """Ends the stream, as when the connection is lost."""
        self._closed = True
        self._wake.set()

    def expire(self) -> None:
        """Ends the stream with 410."""
        self._expired = True
        self._wake.set()

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The stream, in chunks of one or more lines."""
        self._table.watchers.add(self._wake)
        try:
            first = list(self._first())
            if first:
                yield b"".join(first)
            seconds = self._request.number("timeoutSeconds")
            deadline = time.monotonic() + (seconds or 3600)
            last_bookmark = time.monotonic()
            if seconds:  # a bookmark shortly before the end lets the client resume from there
                last_bookmark = min(last_bookmark, deadline - 2 - self._bookmark_every)
            while not self._closed:
                chunk, ended = self._pending()
                if chunk:
                    yield chunk
                if ended:
                    return
                now = time.monotonic()
                if now >= deadline:
                    return
                due = last_bookmark + self._bookmark_every
                if self._bookmarks and now >= due:
                    last_bookmark = now
                    yield self._bookmark()
                    continue
                await self._sleep(min(deadline, due if self._bookmarks else deadline) - now)
        finally:
            self._table.watchers.discard(self._wake)

    async def _sleep(self, seconds: float) -> None:
        """Waits for the next change, at most so long. No await between the last look at the log and this
        one.
        """
        if not self._wake.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._wake.clear()

    def _first(self) -> Iterator[bytes]:
        """What comes before live changes."""
        query = self._request.query
        asked = self._asked
        initial = query.get("sendInitialEvents") == "true"
        legacy = "sendInitialEvents" not in query and asked == 0
        self._position = asked if asked and not initial else self._store.rv
        if initial or legacy:
            for version in self._table.all(self._request.namespace):
                if self._wanted is None or self._wanted(version.obj):
                    yield self._encode("ADDED", version, version.rv)
        if initial and self._bookmarks:
            yield self._bookmark(initial_events_end=True)

    def _pending(self) -> tuple[bytes, bool]:
        """Lines for the changes since last time, and whether the stream ends after them."""
        if self._store.tables.get(self._request.kind.storage) is not self._table:
            return b"", True
        if self._expired or self._position < self._table.forgotten:
            error = expired(f"too old resource version: {self._position} ({self._table.forgotten})")
            return error_line(error), True
        if self._position >= self._table.last_rv:
            return b"", False
        lines = [line for change in self._table.since(self._position) if (line := self._line(change))]
        self._position = self._table.last_rv
        return b"".join(lines), False

    def _line(self, change: Change) -> bytes:
        request = self._request
        if request.namespace and change.after.namespace != request.namespace:
            return b""
        if request.name and change.after.name != request.name:
            return b""
        wanted = self._wanted
        if change.deleted:
            return (
                self._encode("DELETED", change.after, change.rv)
                if not wanted or wanted(change.after.obj)
                else b""
            )
        is_now = wanted is None or wanted(change.after.obj)
        was = change.before is not None and (wanted is None or wanted(change.before.obj))
        if is_now:
            return self._encode("MODIFIED" if was else "ADDED", change.after, change.rv)
        if was and change.before is not None:
            gone = change.before.obj
            gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(change.rv)}}
            return self._encode("DELETED", Version(change.rv, gone), change.rv)
        return b""

    def _json_line(self, event: str, version: Version, rv: int) -> bytes:
        return b'{"type":"%s","object":%s}\n' % (event.encode(), body(self._request.kind, version))

    def _bookmark(self, *, initial_events_end: bool = False) -> bytes:
        kind = self._request.kind
        self._position = max(self._position, self._table.last_rv)
        metadata: dict[str, Any] = {"resourceVersion": str(max(self._position, self._store.rv))}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj: dict[str, Any] = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        if kind.builtin:
            obj |= {key: value for key, value in kind.empty.items() if key != "metadata"}
        return b'{"type":"BOOKMARK","object":%s}\n' % encode_json(obj).encode()


def _start(request: Request) -> int:
    """The version a watch starts from; a malformed one is, in a watch, the server's own failure."""
    text = request.query.get("resourceVersion", "")
    if text and not text.isdigit():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise StatusError(500, "", why)
    return int(text or 0)


def error_line(error: StatusError) -> bytes:
    """The event that ends a watch with a failure."""
    return b'{"type":"ERROR","object":%s}\n' % encode_json(error.body()).encode()
