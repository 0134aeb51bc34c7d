"""What a pretend build tells its listeners: the whole story so far, then what is new."""

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

    def tell(self, message: control.StatusResponse) -> None:
        """Add a message."""
        self._messages.append(message)
        self._wake()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._wake()

    async def listen(self) -> AsyncIterator[control.StatusResponse]:
        """All messages, past and coming."""
        told = 0
        while True:
            changed = self._changed
            while told < len(self._messages):
                told += 1
                yield self._messages[told - 1]
            if self._ended:
                return
            await changed.wait()

    @asynccontextmanager
    async def vertex(self, digest: str, name: str, *, cached: bool = False) -> AsyncIterator[Vertex]:
        """A step: told when it begins, ends or fails."""
        vertex = Vertex(self, digest, name)
        vertex.tell(cached=cached)
        try:
            yield vertex
        except asyncio.CancelledError:
            vertex.tell(completed=True, error="context canceled")
            raise
        except Exception as err:
            vertex.tell(completed=True, error=str(err))
            raise
        vertex.tell(completed=True, cached=cached)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Vertex:
    """A step that runs."""

    def __init__(self, story: Story, digest: str, name: str) -> None:
        self._story = story
        self._digest, self._name = digest, name
        self._started = datetime.now(UTC)

    def tell(self, *, completed: bool = False, cached: bool = False, error: str = "") -> None:
        """Tell how it stands."""
        told = control.Vertex(digest=self._digest, name=self._name, cached=cached, error=error)
        told.started.FromDatetime(self._started)
        if completed:
            told.completed.FromDatetime(datetime.now(UTC))
        self._story.tell(control.StatusResponse(vertexes=[told]))

    def count(self, what: str, *, current: int = 0, total: int = 0, completed: bool = False) -> None:
        """Tell of something going on in it, with bytes if they are counted."""
        now = datetime.now(UTC)
        status = control.VertexStatus(ID=what, vertex=self._digest, current=current, total=total)
        status.timestamp.FromDatetime(now)
        status.started.FromDatetime(self._started)
        if completed:
            status.completed.FromDatetime(now)
        self._story.tell(control.StatusResponse(statuses=[status]))
