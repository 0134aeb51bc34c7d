"""Who holds connections to a server of ours, from when they are accepted: so many, and so long, as may be.

Libraries for HTTP know a connection once its TLS handshake is over, and wait for the head of a first request,
or for a body, without end. So whoever reaches a port, and need not log in for that, could hold connections
until nobody else gets one. Therefore each is counted where it is accepted, and one on which nothing is done
for anybody leaves when its time is over, or before, when another needs its place. Knows no protocol: see
`guarded_server`.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

PeerAddress = tuple[Any, ...]
"""Host and port, and what IPv6 adds, as sockets say it."""


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """Of one server."""

    connections: int = 512
    of_peer: int = 256
    """Of one address, which may be a proxy's or a node's. The API server has 200 writes under way at most."""
    head_within: timedelta = timedelta(seconds=10)
    """From the connection, with its TLS handshake, to the end of the first request's head."""
    body_within: timedelta = timedelta(seconds=30)
    """From there to the end of its body."""
    idle_within: timedelta = timedelta(seconds=75)
    """From an answer to the next head."""


class Waiting(Enum):
    """What a connection waits for from its peer."""

    HEAD = auto()
    BODY = auto()
    NEXT = auto()
    """Another request."""
    NOTHING = auto()
    """It is our turn."""


@dataclass(kw_only=True)
class HeldConnection:
    """One that is open."""

    end: socket.socket
    host: str
    since: float
    waits_for: Waiting = Waiting.HEAD


class ConnectionGuard:
    """The connections of one server. Not safe for threads: everything happens in its loop."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._held: dict[tuple[Any, ...], HeldConnection] = {}
        """In the order in which they began to wait for what they wait for."""
        self._of_host: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._held)

    def enter(self, end: socket.socket, peer: PeerAddress) -> bool:
        """Take a connection, where no place is left in that of one that only waits; whether it may stay."""
        host = str(peer[0])
        if self._of_host[host] >= self.limits.of_peer and not self._make_room(host):
            return False
        if len(self._held) >= self.limits.connections and not self._make_room(self._greediest()):
            return False
        self._of_host[host] += 1
        self._held[peer[:2]] = HeldConnection(end=end, host=host, since=time.monotonic())
        return True

    def leave(self, end: socket.socket, peer: PeerAddress) -> None:
        """It is closed. Another one may have its address already."""
        held = self._held.get(peer[:2])
        if held is not None and held.end is end:
            self._forget(peer[:2])

    @contextmanager
    def request(self, peer: PeerAddress | None) -> Iterator[Callable[[], None]]:
        """A request's head is there; yields what is to be called when its body is."""
        is_under_way = True

        def arrived() -> None:
            # A body that nobody read may be there only after its answer.
            if is_under_way:
                self._wait(peer, Waiting.NOTHING)

        self._wait(peer, Waiting.BODY)
        try:
            yield arrived
        finally:
            is_under_way = False
            self._wait(peer, Waiting.NEXT)

    def drop(self, peer: PeerAddress | None) -> None:
        """Close a connection."""
        held = self._held.get(peer[:2]) if peer else None
        if peer and held is not None:
            self._close(peer[:2], held)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Close those whose time is over, all the while."""
        looking = asyncio.create_task(self._look_forever(), name="connections that wait too long")
        try:
            yield
        finally:
            looking.cancel()

    def _wait(self, peer: PeerAddress | None, waits_for: Waiting) -> None:
        held = self._held.pop(peer[:2], None) if peer else None
        if peer and held is not None:
            held.waits_for, held.since = waits_for, time.monotonic()
            self._held[peer[:2]] = held  # at the end: it is the last that began

    async def _look_forever(self) -> None:
        limits = self.limits
        shortest = min(limits.head_within, limits.body_within, limits.idle_within)
        while True:
            await asyncio.sleep(shortest.total_seconds() / 4)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        within = {
            Waiting.HEAD: self.limits.head_within.total_seconds(),
            Waiting.BODY: self.limits.body_within.total_seconds(),
            Waiting.NEXT: self.limits.idle_within.total_seconds(),
        }
        for key, held in list(self._held.items()):
            if held.waits_for in within and now - held.since >= within[held.waits_for]:
                self._close(key, held)

    def _greediest(self) -> str:
        """The host with the most connections that only wait; empty without any."""
        waiting = Counter(held.host for held in self._held.values() if held.waits_for is not Waiting.NOTHING)
        return waiting.most_common(1)[0][0] if waiting else ""

    def _make_room(self, host: str) -> bool:
        """Close the connection of a host that has waited longest; whether there was one."""
        for key, held in self._held.items():
            if held.host == host and held.waits_for is not Waiting.NOTHING:
                self._close(key, held)
                return True
        return False

    def _close(self, key: tuple[Any, ...], held: HeldConnection) -> None:
        # The transport sees the end, also in the middle of a handshake, and closes the socket.
        with suppress(OSError):
            held.end.shutdown(socket.SHUT_RDWR)
        self._forget(key)

    def _forget(self, key: tuple[Any, ...]) -> None:
        host = self._held.pop(key).host
        self._of_host[host] -= 1
        if not self._of_host[host]:
            del self._of_host[host]


class GuardedConnection(socket.socket):
    """An accepted connection that tells the guard when it is closed."""

    def __init__(self, guard: ConnectionGuard, accepted: socket.socket, peer: PeerAddress) -> None:
        family, kind, proto = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, proto, fileno=accepted.detach())
        self._guard, self._peer = guard, peer

    def close(self) -> None:
        """Close it."""
        self._guard.leave(self, self._peer)
        super().close()


class GuardedListener(socket.socket):
    """A socket to listen on that accepts what the guard takes."""

    def __init__(self, guard: ConnectionGuard, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self.guard = guard

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises ConnectionAbortedError for one too many, as for one that went."""
        accepted, peer = super().accept()
        connection = GuardedConnection(self.guard, accepted, peer)
        if not self.guard.enter(connection, peer):
            connection.close()
            raise ConnectionAbortedError("there are too many connections")
        return connection, peer


def listeners(guard: ConnectionGuard, host: str | None, port: int) -> list[GuardedListener]:
    """Sockets on an address, which is every one for None; all have the same port. Raises OSError.

    A family that this machine does not have is left out where there is another.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[GuardedListener] = []
    problem: OSError | None = None
    for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
        taken = made[0].getsockname()[1] if made else port
        try:
            made.append(_listener(guard, family, (address[0], taken, *address[2:])))
        except OSError as err:
            problem = err
    if not made:
        where = f"{host or 'every address'} port {port}"
        if problem is None:
            raise OSError(f"there is no address for {where}")
        raise OSError(problem.errno, f"cannot listen on {where}: {problem.strerror}") from problem
    return made


def _listener(guard: ConnectionGuard, family: int, address: PeerAddress) -> GuardedListener:
    listener = GuardedListener(guard, family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
