"""Behind a proxy that is trusted each person has a limit of their own; a forged header evades none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest

from airunway.web.identity import FAILURES_AT_ONCE
from airunway.web.proxies import sender
from tests.web.place import WebPlace, web_place

TRUSTED = [ip_network("10.0.0.0/24"), ip_network("fd00::/64")]


@dataclass(frozen=True)
class Sent:
    """A request, and where it comes from."""

    reason: str
    peer: str
    forwarded: list[str]
    wanted: str

    def __str__(self) -> str:
        return self.reason


CASES = [
    Sent("no proxy is trusted to speak for a stranger", "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
    Sent("a proxy says who called it", "10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
    Sent("a proxy that says nothing is itself the sender", "10.0.0.1", [], "10.0.0.1"),
    Sent("what the sender wrote stands before", "10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
    Sent("two proxies", "10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
    Sent("two proxies, and a forged beginning", "10.0.0.1", ["10.0.0.9, 192.0.2.5, 10.0.0.2"], "192.0.2.5"),
    Sent("several headers are one", "10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
    Sent("a word that is no address ends the way", "10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"),
    Sent("with a port", "10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
    Sent("of the newer kind, with a port", "fd00::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
    Sent("one address, written in two ways", "::ffff:10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
    Sent("an endless way", "10.0.0.1", [", ".join(["10.0.0.2"] * 10_000)], "10.0.0.2"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_where_a_request_comes_from(case: Sent) -> None:
    assert sender(case.peer, case.forwarded, TRUSTED) == case.wanted


Here = Callable[[list[IPv4Network | IPv6Network]], AbstractAsyncContextManager[WebPlace]]


@pytest.fixture
def place_behind(tmp_path: Path) -> Here:
    """The application with sign-in, behind proxies."""

    @asynccontextmanager
    async def made(trusted: list[IPv4Network | IPv6Network]) -> AsyncIterator[WebPlace]:
        async with web_place(tmp_path, web_auth=True, web_trusted_proxies=trusted) as place:
            yield place

    return made


async def tried(place: WebPlace, forwarded: Callable[[int], str]) -> list[int]:
    """Statuses of one wrong token more than an address may try."""
    return [
        (
            await place.get(
                "/api/deployments",
                Authorization=f"Bearer wrong-{number}",
                X_Forwarded_For=forwarded(number),
            )
        ).status
        for number in range(FAILURES_AT_ONCE + 1)
    ]


async def test_nobody_escapes_the_limit_by_a_header_of_their_own(place_behind: Here) -> None:
    async with place_behind([]) as place:
        assert (await tried(place, lambda number: f"198.51.100.{number}"))[-1] == 429


async def test_nor_by_what_they_write_before_what_the_proxy_says(place_behind: Here) -> None:
    async with place_behind([ip_network("127.0.0.1/32")]) as place:
        found = await tried(place, lambda number: f"198.51.100.{number}, 192.0.2.1")

        assert (found[-2], found[-1]) == (401, 429)


async def test_one_persons_wrong_tokens_lock_nobody_else_out(place_behind: Here) -> None:
    async with place_behind([ip_network("127.0.0.1/32")]) as place:
        assert (await tried(place, lambda _: "192.0.2.1"))[-1] == 429

        other = await place.post("/session", {"token": "wrong-a"}, X_Forwarded_For="192.0.2.2")
        same = await place.post("/session", {"token": "wrong-b"}, X_Forwarded_For="192.0.2.1")

    assert (other.status, same.status) == (403, 429)
