"""The kinds a config announces, and how they are followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from airunway.clients.kubernetes import Object
from airunway.provider.contract import UpstreamKind
from airunway.workers.upstream_kinds import (
    Announced,
    announced_kinds,
    announced_pod_label,
    key_of,
    kinds_annotation,
)

SERVER = UpstreamKind(api_version="acme.dev/v1", kind="Server", plural="servers")
CLAIM = UpstreamKind(api_version="v1", kind="PersistentVolumeClaim", plural="persistentvolumeclaims")


ENTRY = {"apiVersion": "acme.dev/v2", "kind": "Server", "plural": "servers"}


def config(announced: Any) -> Object:
    text = announced if isinstance(announced, str) else json.dumps(announced)
    return {"metadata": {"name": "acme", "annotations": {"airunway.ai/upstream-kinds": text}}}


def test_what_is_announced_is_read() -> None:
    graph = replace(SERVER, older=("acme.dev/v1beta1", "acme.dev/v1alpha1"))

    assert announced_kinds(config(kinds_annotation([SERVER, CLAIM]))) == [SERVER, CLAIM]
    assert announced_kinds(config(kinds_annotation([graph]))) == [graph]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("absent", ""),
        ("not JSON", "["),
        ("not a list", 7),
        ("not objects", ["servers"]),
        ("a part is missing", [{"apiVersion": "v1", "kind": "Pod"}]),
        ("a path that leads elsewhere", [{"apiVersion": "v1", "kind": "X", "plural": "../secrets"}]),
        ("a version that leads elsewhere", [{"apiVersion": "a/b/v1", "kind": "X", "plural": "xs"}]),
        ("a plural with a query", [{"apiVersion": "v1", "kind": "X", "plural": "pods?watch=1"}]),
        ("an older version that leads elsewhere", [{**ENTRY, "olderVersions": ["../v1"]}]),
        ("older versions that are a text", [{**ENTRY, "olderVersions": "acme.dev/v1"}]),
        ("older versions without end", [{**ENTRY, "olderVersions": ["acme.dev/v1"] * 9}]),
        ("numbers", [{"apiVersion": 1, "kind": 2, "plural": 3}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_else_is_followed(reason: str, text: Any) -> None:
    assert announced_kinds(config(text)) == []


def test_a_config_without_annotations_announces_nothing() -> None:
    assert announced_kinds({"metadata": {"name": "acme"}}) == []


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("kaito.sh/workspace", ["kaito.sh/workspace"]),
        ("app", []),  # anybody's pods have it
        ("a.b/c=d", []),
        ("a.b/c,d", []),
        ("", []),
        (7, []),
    ],
)
def test_pods_are_followed_by_a_label_that_is_somebodys_own(text: Any, label: list[str]) -> None:
    announced = {"metadata": {"name": "acme", "annotations": {"airunway.ai/pod-label": text}}}

    assert announced_pod_label(announced) == label


class Following:
    """Records which kinds are followed now."""

    def __init__(self) -> None:
        self.now: list[str] = []
        self.changed = asyncio.Event()

    async def __call__(self, kind: UpstreamKind) -> None:
        self.now.append(kind.plural)
        self.changed.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.now.remove(kind.plural)
            self.changed.set()

    async def until(self, *plurals: str) -> None:
        async with asyncio.timeout(60):
            while sorted(self.now) != sorted(plurals):
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(kinds: Announced[UpstreamKind]) -> AsyncIterator[None]:
    async def forever() -> None:
        async with asyncio.TaskGroup() as group:
            kinds.run_in(group)
            begun.set()
            await asyncio.Event().wait()

    begun = asyncio.Event()
    task = asyncio.create_task(forever())
    await begun.wait()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_kind_is_followed_once_for_as_long_as_some_config_announces_it() -> None:
    following = Following()
    kinds = Announced(following, key_of=key_of, besides={key_of(CLAIM)})
    async with running(kinds):
        kinds.update("acme", [SERVER, CLAIM])
        await following.until("servers")
        kinds.update("other", [SERVER])
        kinds.update("acme", [])
        assert kinds.followed == {key_of(SERVER)}
        await following.until("servers")

        kinds.update("other", [])
        await following.until()

        kinds.update("acme", [SERVER])
        await following.until("servers")


async def test_a_config_may_announce_other_kinds() -> None:
    following = Following()
    kinds = Announced(following, key_of=key_of)
    async with running(kinds):
        kinds.update("acme", [SERVER])

        kinds.update("acme", [CLAIM])

        await following.until("persistentvolumeclaims")
