"""Which key session cookies are sealed with: all replicas agree on one, and no restart changes it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from airunway.api.names import SYSTEM_NAMESPACE, WEB_SESSION_SECRET
from airunway.clients.errors import Unreachable
from airunway.clients.kubernetes import NAMESPACES, SECRETS, Cluster
from airunway.web.session_key import session_key
from airunway.web.sessions import CookieSessions
from airunway.workers.settings import Settings
from tests.clusters import emulated_cluster

SHARED = Settings(cluster="here", web_session_key_secret=WEB_SESSION_SECRET)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """With the Secret as the chart brings it."""
    async with emulated_cluster(tmp_path) as made:
        await made.create(NAMESPACES, {"metadata": {"name": SYSTEM_NAMESPACE}})
        empty: dict[str, Any] = {"metadata": {"name": WEB_SESSION_SECRET}, "type": "Opaque"}
        await made.create(SECRETS, empty, namespace=SYSTEM_NAMESPACE)
        yield made


async def stored(cluster: Cluster) -> str:
    secret = await cluster.get(SECRETS, WEB_SESSION_SECRET, namespace=SYSTEM_NAMESPACE)
    return base64.b64decode(secret["data"]["key"]).decode()


async def put(cluster: Cluster, key: str | None) -> None:
    await cluster.patch(SECRETS, WEB_SESSION_SECRET, {"data": {"key": key}}, namespace=SYSTEM_NAMESPACE)


async def test_replicas_that_start_together_agree_on_one_key(cluster: Cluster) -> None:
    keys = await asyncio.gather(*(session_key(SHARED, cluster) for _ in range(5)))

    assert set(keys) == {await stored(cluster)}
    assert CookieSessions(keys[0])


async def test_the_key_that_is_there_stays(cluster: Cluster) -> None:
    first = await session_key(SHARED, cluster)

    assert await session_key(SHARED, cluster) == first == await stored(cluster)


async def test_a_key_that_is_taken_out_is_made_anew(cluster: Cluster) -> None:
    first = await session_key(SHARED, cluster)
    await put(cluster, None)

    assert await session_key(SHARED, cluster) not in ("", first)


async def test_whoever_is_too_late_takes_what_the_other_has_written(cluster: Cluster) -> None:
    written = "a key that another replica wrote meanwhile"
    late = Overtaken(cluster, base64.b64encode(written.encode()).decode())

    assert await session_key(SHARED, late) == written  # type: ignore[arg-type]
    assert await stored(cluster) == written


async def test_an_api_server_that_does_not_answer_is_waited_for(cluster: Cluster) -> None:
    away = AwayAtFirst(cluster)

    assert await session_key(SHARED, away) == await stored(cluster)  # type: ignore[arg-type]
    assert away.asked == 2


async def test_without_the_secret_the_process_serves_with_a_key_of_its_own(cluster: Cluster) -> None:
    await cluster.delete(SECRETS, WEB_SESSION_SECRET, namespace=SYSTEM_NAMESPACE)

    assert await session_key(SHARED, cluster) == ""


async def test_what_is_no_text_is_refused_by_the_name_of_the_secret(cluster: Cluster) -> None:
    await put(cluster, base64.b64encode(b"\xff" * 40).decode())

    with pytest.raises(ValueError, match=f"Secret {SYSTEM_NAMESPACE}/{WEB_SESSION_SECRET} is no text"):
        await session_key(SHARED, cluster)


async def test_a_file_comes_first_and_without_either_there_is_none(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a key of an administrator's own\n")

    given = SHARED.model_copy(update={"web_session_key_file": file})
    assert await session_key(given, cluster) == "a key of an administrator's own"
    assert await session_key(Settings(cluster="here"), cluster) == ""


class Overtaken:
    """Another replica writes between our read and our write."""

    def __init__(self, cluster: Cluster, theirs: str) -> None:
        self._cluster, self._theirs = cluster, theirs
        self.outage = cluster.outage

    async def get(self, *args: Any, **named: Any) -> Any:
        return await self._cluster.get(*args, **named)

    async def patch(self, *args: Any, **named: Any) -> Any:
        await put(self._cluster, self._theirs)
        return await self._cluster.patch(*args, **named)


class AwayAtFirst(Overtaken):
    """Nobody answers the first request."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, "")
        self.asked = 0

    async def get(self, *args: Any, **named: Any) -> Any:
        self.asked += 1
        if self.asked == 1:
            raise Unreachable("connection refused")
        return await super().get(*args, **named)

    async def patch(self, *args: Any, **named: Any) -> Any:
        return await self._cluster.patch(*args, **named)
