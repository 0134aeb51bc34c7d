"""Temporal that was there and is away: who asks for it is told so at once, and waits for nothing."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client

from airunway.operations.errors import NotDelivered
from airunway.web import process
from airunway.web.process import TemporalLink
from airunway.workers.settings import Settings
from airunway.workers.temporal_outage import temporal_outage

ADDRESS = "127.0.0.1:9"


async def connected(link: TemporalLink) -> Client:
    async with asyncio.timeout(60):
        while True:
            try:
                return await link.client()
            except NotDelivered:
                await asyncio.sleep(0)


async def test_who_asks_in_an_outage_is_told_and_served_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    client = cast(Client, object())

    async def connect(*_: Any, **__: Any) -> Client:
        return client

    monkeypatch.setattr(process, "connect", connect)
    outage = temporal_outage(ADDRESS)
    async with TemporalLink(Settings(cluster="here", temporal_address=ADDRESS)).opened() as link:
        assert await connected(link) is client

        outage.begins(ConnectionRefusedError("nobody listens"))
        with pytest.raises(NotDelivered, match=f"does not answer at {ADDRESS}"):
            await link.client()
        outage.ends()

        assert await link.client() is client
