"""What a pretend build reports to its listeners: the whole story so far, then what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from airunway.clients.buildkit.wire import control_pb2 as control


class Story:
    """Messages in order; any number may listen, from the beginning to the end."""

    def __init__(self) -> None:
        self._messages: list[control.StatusResponse] = []
        self._changed = asyncio.Event()
        self._ended = False

    def send(self, message: control.StatusResponse) -> None:
        """Add a message."""
        self._messages.append(message)
        self._wake()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._wake()

    async def listen(self) -> AsyncIterator[control.StatusResponse]:
        """All messages, past and coming."""
        sent = 0
        while True:
            changed = self._changed
            while sent < len(self._messages):
                sent += 1
                yield self._messages[sent - 1]
            if self._ended:
                return
            await changed.wait()

    @asynccontextmanager
    async def vertex(self, digest: str, name: str, *, cached: bool = False) -> AsyncIterator[Vertex]:
        """A step: reported when it begins, ends or fails."""
        vertex = Vertex(self, digest, name)
        vertex.send(cached=cached)
        try:
            yield vertex
        except asyncio.CancelledError:
            vertex.send(completed=True, error="context canceled")
            raise
        except Exception as err:
            vertex.send(completed=True, error=str(err))
            raise
        vertex.send(completed=True, cached=cached)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Vertex:
    """A step that runs."""

    def __init__(self, story: Story, digest: str, name: str) -> None:
        self._story = story
        self._digest, self._name = digest, name
        self._started = datetime.now(UTC)

    def send(self, *, completed: bool = False, cached: bool = False, error: str = "") -> None:
        """Report how it stands."""
        vertex = control.Vertex(digest=self._digest, name=self._name, cached=cached, error=error)
        vertex.started.FromDatetime(self._started)
        if completed:
            vertex.completed.FromDatetime(datetime.now(UTC))
        self._story.send(control.StatusResponse(vertexes=[vertex]))

    def count(self, what: str, *, current: int = 0, total: int = 0, completed: bool = False) -> None:
        """Report something going on in it, with bytes if they are counted."""
        now = datetime.now(UTC)
        status = control.VertexStatus(ID=what, vertex=self._digest, current=current, total=total)
        status.timestamp.FromDatetime(now)
        status.started.FromDatetime(self._started)
        if completed:
            status.completed.FromDatetime(now)
        self._story.send(control.StatusResponse(statuses=[status]))
