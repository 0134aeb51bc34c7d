"""A followed kind misses nothing, whatever happens to the watch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import Cluster, Listing, Resource
from airunway.clients.reflector import FIRST_MISSING_KIND_SECONDS, ObjectChange, Reflector
from kube_emulator import EmulatedCluster
from tests.virtual_time import run_virtually

CONFIG_MAPS = Resource("v1", "configmaps")
SECRET_KIND = Resource("unheard.of/v1", "things")


class Follower:
    """A reflector of one kind and what it has reported."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster) -> None:
        self.emulated, self.cluster = emulated, cluster
        self.changes: list[tuple[str, str]] = []
        self.values: dict[str, str] = {}
        self.not_understood = ""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, kind: Resource = CONFIG_MAPS, *, older: Sequence[Resource] = ()) -> Reflector:
        reflector = Reflector(self.cluster, kind, self._on_change, label_selector="app=test", older=older)
        self._task = asyncio.create_task(reflector.run())
        async with asyncio.timeout(90):
            await reflector.synced.wait()
        return reflector

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _on_change(self, change: ObjectChange) -> None:
        name = change.object["metadata"]["name"]
        if name == self.not_understood:
            raise KeyError("what every object has but this one")
        self.changes.append((change.type, name))
        if change.type == "deleted":
            self.values.pop(name, None)
        else:
            self.values[name] = change.object["data"]["v"]
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(90):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def put(self, name: str, value: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": "test"}},
            "data": {"v": value},
        }
        await self.cluster.apply(CONFIG_MAPS, body, field_manager="test")

    async def remove(self, name: str) -> None:
        await self.cluster.delete(CONFIG_MAPS, name, namespace="default")


@pytest_asyncio.fixture
async def follower(tmp_path: Path) -> AsyncIterator[Follower]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
        running = Follower(emulated, cluster)
        yield running
        await running.stop()
    await emulated.stop()


async def test_what_is_there_is_reported_and_then_what_comes(follower: Follower) -> None:
    await follower.put("old", "1")
    await follower.start()

    await follower.put("new", "1")
    await follower.put("old", "2")
    await follower.remove("new")
    await follower.until(lambda: follower.values == {"old": "2"} and len(follower.changes) == 4)

    assert follower.changes == [
        ("set", "old"),
        ("set", "new"),
        ("set", "old"),
        ("deleted", "new"),
    ]


@pytest.mark.parametrize("fault", ["drop_watches", "expire_watches"])
async def test_a_watch_that_ends_is_resumed_or_listed_again(follower: Follower, fault: str) -> None:
    await follower.put("kept", "1")
    await follower.put("gone", "1")
    await follower.start()

    getattr(follower.emulated.faults, fault)()
    await follower.remove("gone")
    await follower.put("kept", "2")
    await follower.put("late", "1")

    await follower.until(lambda: follower.values == {"kept": "2", "late": "1"})
    assert ("deleted", "gone") in follower.changes


async def test_an_outage_is_waited_for_and_deletions_meanwhile_are_reported(follower: Follower) -> None:
    await follower.put("gone", "1")
    await follower.start()
    faults = follower.emulated.faults

    faults.fail_next(3, code=503, reason="ServiceUnavailable", when=lambda method, path: "watch=true" in path)
    faults.drop_watches()
    await follower.remove("gone")
    await follower.put("late", "1")

    await follower.until(lambda: follower.values == {"late": "1"})


async def test_a_kind_that_is_not_served_is_synced_with_nothing(follower: Follower) -> None:
    await follower.start(SECRET_KIND)

    assert follower.changes == []


async def test_a_kind_is_followed_in_the_newest_version_that_is_served(follower: Follower) -> None:
    await follower.put("old", "1")
    await follower.start(SECRET_KIND, older=[CONFIG_MAPS])

    await follower.put("new", "1")

    await follower.until(lambda: follower.values == {"old": "1", "new": "1"})
    assert [change for change, _ in follower.changes] == ["set", "set"]


async def test_a_version_that_goes_is_no_deletion_where_another_is_served(follower: Follower) -> None:
    await follower.put("old", "1")
    await follower.start(CONFIG_MAPS, older=[SECRET_KIND])
    follower.emulated.faults.fail_next(
        code=404, reason="NotFound", message="gone", when=lambda _, path: "watch=" in path
    )
    follower.emulated.faults.drop_watches()

    await follower.put("new", "1")

    await follower.until(lambda: "new" in follower.values)
    assert "deleted" not in [change for change, _ in follower.changes]


async def test_an_outage_is_waited_for_without_another_list(follower: Follower) -> None:
    """What a leader that keeps its term lives on: its watches go on where they were."""
    await follower.put("kept", "1")
    await follower.start()
    faults = follower.emulated.faults
    lists: list[str] = []
    listing = follower.cluster.listing

    async def counted(*args: Any, **kwargs: Any) -> Any:
        lists.append("list")
        return await listing(*args, **kwargs)

    follower.cluster.listing = counted  # type: ignore[method-assign]

    faults.fail_next(3, code=503, reason="ServiceUnavailable", when=lambda method, path: "watch=true" in path)
    faults.drop_watches()
    await follower.put("late", "1")
    await follower.until(lambda: follower.values == {"kept": "1", "late": "1"})

    assert lists == []


async def test_an_object_that_is_not_understood_is_passed_over(follower: Follower) -> None:
    follower.not_understood = "odd"
    await follower.put("odd", "1")
    await follower.start()

    await follower.put("odd", "2")
    await follower.put("even", "1")

    await follower.until(lambda: follower.values == {"even": "1"})


async def test_an_error_that_nobody_thought_of_does_not_end_it(follower: Follower) -> None:
    await follower.put("old", "1")
    listing = follower.cluster.listing
    faults = [ValueError("an answer that is no JSON")]

    async def once_faulty(*args: Any, **kwargs: Any) -> Any:
        if faults:
            raise faults.pop()
        return await listing(*args, **kwargs)

    follower.cluster.listing = once_faulty  # type: ignore[method-assign]
    await follower.start()

    assert follower.values == {"old": "1"}


class LateKind:
    """A cluster whose kind is installed while it is asked for the first time."""

    outage: Any = None

    def __init__(self) -> None:
        self.reflector: Reflector
        self.lists = 0

    async def listing(self, *_: Any, **__: Any) -> Listing:
        self.lists += 1
        if self.lists == 1:
            self.reflector.look_again()
            raise NotFound("no such kind", status=404)
        return Listing(items=[], resource_version="1")

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        await asyncio.sleep(3600)
        yield


def test_a_kind_that_is_installed_during_the_answer_that_it_is_missing_is_looked_for_at_once() -> None:
    async def waited() -> float:
        cluster: Any = LateKind()
        reflector = cluster.reflector = Reflector(cluster, SECRET_KIND, lambda change: None)
        began = asyncio.get_running_loop().time()
        task = asyncio.create_task(reflector.run())
        while cluster.lists < 2:
            await asyncio.sleep(0.5)
        task.cancel()
        return asyncio.get_running_loop().time() - began

    assert run_virtually(waited()) < FIRST_MISSING_KIND_SECONDS / 2
