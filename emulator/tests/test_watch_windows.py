"""How far back the emulated cluster's watches and lists can go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api

from .objects import config_map

PATH = "/api/v1/namespaces/default/configmaps"


@asynccontextmanager
async def cluster(
    tmp_path: Path, window: int, bookmark_every: timedelta = timedelta(minutes=1)
) -> AsyncIterator[Api]:
    path = tmp_path / "kubeconfig"
    async with (
        EmulatedCluster(window=window, bookmark_every=bookmark_every) as emulated,
        Api(emulated.kubeconfig(path)) as api,
    ):
        yield api


async def version(api: Api) -> str:
    return str((await api.get(PATH)).ok()["metadata"]["resourceVersion"])


async def test_a_watch_from_before_the_window_must_list_again(tmp_path: Path):
    async with cluster(tmp_path, window=2) as api:
        old = await version(api)
        for name in ("a", "b", "c"):
            await api.create(PATH, config_map(name))

        async with api.watch(PATH, resourceVersion=old) as events:
            received = await events.rest()

    assert [event["type"] for event in received] == ["ERROR"]
    error = received[0]["object"]
    assert (error["kind"], error["code"], error["reason"]) == ("Status", 410, "Expired")
    assert error["message"].startswith("too old resource version: ")


async def test_a_watch_from_inside_the_window_goes_on(tmp_path: Path):
    async with cluster(tmp_path, window=2) as api:
        await api.create(PATH, config_map("a"))
        start = await version(api)
        await api.create(PATH, config_map("b"))
        await api.create(PATH, config_map("c"))

        async with api.watch(PATH, resourceVersion=start) as events:
            received = await events.types_and_names(2)

    assert received == [("ADDED", "b"), ("ADDED", "c")]


async def test_changes_of_other_kinds_do_not_use_up_the_window(tmp_path: Path):
    async with cluster(tmp_path, window=2) as api:
        start = await version(api)
        for name in ("a", "b", "c"):
            await api.create("/api/v1/namespaces/default/secrets", {"metadata": {"name": name}})
        await api.create(PATH, config_map("x"))

        async with api.watch(PATH, resourceVersion=start) as events:
            received = await events.types_and_names(1)

    assert received == [("ADDED", "x")]


async def test_a_page_from_before_the_window_is_gone(tmp_path: Path):
    async with cluster(tmp_path, window=1) as api:
        for name in ("a", "b", "c"):
            await api.create(PATH, config_map(name))
        first = (await api.get(PATH, query={"limit": 1})).ok()
        await api.create(PATH, config_map("d"))
        await api.create(PATH, config_map("e"))

        expired = await api.get(PATH, query={"limit": 1, "continue": first["metadata"]["continue"]})

    expired.refused(410, "Expired")


async def test_bookmarks_come_as_often_as_set(tmp_path: Path):
    async with cluster(tmp_path, window=10, bookmark_every=timedelta(milliseconds=20)) as api:
        start = await version(api)
        await api.create("/api/v1/namespaces/default/secrets", {"metadata": {"name": "elsewhere"}})

        async with api.watch(PATH, resourceVersion=start, allowWatchBookmarks="true") as events:
            first, second = await events.next(), await events.next()

    assert [event["type"] for event in (first, second)] == ["BOOKMARK", "BOOKMARK"]
    assert int(first["object"]["metadata"]["resourceVersion"]) > int(start)
