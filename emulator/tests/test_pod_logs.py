"""`kubectl logs`: which container's lines, and which of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import PATIENCE, Api

from .objects import Obj, Space, pod

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
RUNNING = {"running": {"startedAt": "2026-01-02T12:00:00Z"}}
ENDED = {"terminated": {"exitCode": 1, "reason": "Error", "containerID": "c"}}
PODS = Space("default").pods


class Site:
    """An emulated cluster with a pod `p` on a node; its containers are `main` and `side`."""

    def __init__(self, emulated: EmulatedCluster, api: Api) -> None:
        self.emulated, self.api = emulated, api
        self.uid = ""

    async def create(self, *containers: str) -> None:
        spec: Obj = {"nodeName": "n", "containers": [{"name": name, "image": "i"} for name in containers]}
        created = (await self.api.create(PODS, pod("p") | {"spec": spec})).ok()
        self.uid = created["metadata"]["uid"]

    async def is_now(self, state: Obj, last: Obj | None = None, *, container: str = "main") -> None:
        status = {"name": container, "state": state, "lastState": last or {}, "ready": False}
        status |= {"restartCount": 0, "image": "i", "imageID": ""}
        body = {"status": {"containerStatuses": [status]}}
        (await self.api.patch(f"{PODS}/p/status", body)).ok()

    def prints(self, *lines: str, container: str = "main") -> None:
        for number, line in enumerate(lines):
            at = NOON + timedelta(seconds=number, microseconds=5)
            self.emulated.logs.write(self.uid, container, line, at=at)

    async def log(self, **query: Any) -> Any:
        return await self.api.get(f"{PODS}/p/log", query=query)


@pytest.fixture
async def site(emulated: EmulatedCluster, tmp_path: Path) -> AsyncIterator[Site]:
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        yield Site(emulated, api)


@pytest.fixture
async def printing(site: Site) -> Site:
    """A pod that runs and has printed three lines, from noon on, a second apart."""
    await site.create("main")
    await site.is_now(RUNNING)
    site.prints("one", "two", "three")
    return site


async def test_lines_come_as_plain_text(printing: Site):
    answer = await printing.log()

    assert (answer.code, answer.body) == (200, "one\ntwo\nthree\n")
    assert answer.headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"tailLines": 2}, "two\nthree\n"),
        ({"tailLines": 0}, ""),
        ({"limitBytes": 6}, "one\ntw"),
        ({"timestamps": "true", "tailLines": 1}, "2026-01-02T12:00:02.000005000Z three\n"),
        ({"sinceTime": "2026-01-02T12:00:01Z"}, "two\nthree\n"),
        ({"sinceTime": "2026-01-02T13:00:01+01:00", "tailLines": 3}, "two\nthree\n"),
        ({"sinceSeconds": 10}, ""),
    ],
    ids=str,
)
async def test_only_what_is_asked_for(printing: Site, query: Obj, wanted: str):
    assert (await printing.log(**query)).body == wanted


async def test_following_ends_with_the_container(printing: Site):
    lines: list[str] = []
    session = printing.api._session
    assert session is not None

    async with asyncio.timeout(PATIENCE), session.get(f"{PODS}/p/log?follow=true&tailLines=1") as answer:
        lines.append((await answer.content.readline()).decode())
        printing.prints("four")
        lines.append((await answer.content.readline()).decode())
        printing.emulated.logs.restart(printing.uid, "main")
        rest = await answer.content.read()

    assert (lines, rest) == (["three\n", "four\n"], b"")


async def test_following_ends_with_the_pod(printing: Site):
    session = printing.api._session
    assert session is not None

    async with asyncio.timeout(PATIENCE), session.get(f"{PODS}/p/log?follow=true") as answer:
        assert await answer.content.readline() == b"one\n"
        await printing.api.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
        rest = await answer.content.read()

    assert rest == b"two\nthree\n"


async def test_following_ends_with_the_server(printing: Site):
    session = printing.api._session
    assert session is not None

    async with asyncio.timeout(PATIENCE), session.get(f"{PODS}/p/log?follow=true&tailLines=0") as answer:
        await printing.emulated.stop()

        assert await answer.content.read() == b""


async def test_what_a_crashed_run_printed_is_the_previous_log(site: Site):
    await site.create("main")
    await site.is_now(RUNNING)
    site.prints("first run")

    await site.is_now({"waiting": {"reason": "CrashLoopBackOff"}}, ENDED)
    waiting = [(await site.log(previous=flag)).body for flag in ("false", "true")]
    site.emulated.logs.restart(site.uid, "main")
    await site.is_now(RUNNING, ENDED)
    site.prints("second run")
    running = [(await site.log(previous=flag)).body for flag in ("false", "true")]

    assert waiting == ["first run\n", "first run\n"]
    assert running == ["second run\n", "first run\n"]


async def test_without_a_run_before_there_is_no_previous_log(printing: Site):
    answer = await printing.log(previous="true")

    answer.refused(400, "BadRequest")
    assert answer.message == 'previous terminated container "main" in pod "p" not found'


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, "waiting to start: ContainerCreating"),
        ({"waiting": {"reason": "ErrImagePull"}}, "waiting to start: image can't be pulled"),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "waiting to start: trying and failing to pull image"),
    ],
    ids=str,
)
async def test_a_container_that_has_not_begun_has_no_log(site: Site, state: Obj, why: str):
    await site.create("main")
    await site.is_now(state)

    answer = await site.log()

    answer.refused(400, "BadRequest")
    assert answer.message == f'container "main" in pod "p" is {why}'


async def test_a_pod_of_which_no_kubelet_spoke_has_no_log(site: Site):
    await site.create("main")

    answer = await site.log()

    answer.refused(400, "BadRequest")
    assert answer.message == 'container "main" in pod "p" is not available'


async def test_each_container_has_a_log_of_its_own(site: Site):
    await site.create("main", "side")
    await site.is_now(RUNNING, container="side")
    site.prints("mine", container="side")

    assert (await site.log(container="side")).body == "mine\n"


# -- what the API server itself refuses, on both servers ------------------------------------------------


def _two(**more: Any) -> Obj:
    parts = [{"name": name, "image": "i"} for name in ("a", "b")]
    return pod("two") | {"spec": {"containers": parts, "initContainers": [{"name": "first", "image": "i"}]}}


async def test_of_several_containers_one_is_to_be_named(api: Api, space: Space):
    await api.create(space.pods, _two())

    unnamed, unknown = [
        await api.get(f"{space.pods}/two/log", query=query) for query in ({}, {"container": "c"})
    ]

    unnamed.refused(400, "BadRequest")
    chosen = "choose one of: [first a b]"
    assert unnamed.message == f"a container name must be specified for pod two, {chosen}"
    unknown.refused(400, "BadRequest")
    assert unknown.message == "container c is not valid for pod two"
    assert (await api.get(f"{space.pods}/two/log", query={"container": "a"})).code == 204


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"tailLines": -1}, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ({"limitBytes": 0}, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": 0}, "sinceSeconds: Invalid value: 0: must be greater than 0"),
    ],
    ids=str,
)
async def test_options_that_make_no_sense_are_refused(api: Api, space: Space, query: Obj, message: str):
    await api.create(space.pods, pod("p"))

    answer = await api.get(f"{space.pods}/p/log", query=query)

    answer.refused(422, "Invalid")
    assert answer.message == f'PodLogOptions "p" is invalid: {message}'
