"""The faults a test can make the emulated cluster have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api

from .objects import config_map

PATH = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def client(emulated: EmulatedCluster, tmp_path: Path) -> AsyncIterator[Api]:
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        yield api


async def test_the_next_requests_fail(emulated: EmulatedCluster, client: Api):
    emulated.faults.fail_next(2, code=503, reason="ServiceUnavailable", retry_after=7)

    answers = [await client.get(PATH) for _ in range(3)]

    assert [answer.code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].reason == "ServiceUnavailable"


async def test_only_requests_that_match_fail(emulated: EmulatedCluster, client: Api):
    emulated.faults.fail_next(1, code=409, reason="Conflict", when=lambda method, path: method == "POST")

    read = await client.get(PATH)
    written = await client.create(PATH, config_map("a"))
    again = await client.create(PATH, config_map("a"))

    assert (read.code, written.code, again.code) == (200, 409, 201)


async def test_a_failed_write_stored_nothing(emulated: EmulatedCluster, client: Api):
    emulated.faults.fail_next(1)

    await client.create(PATH, config_map("a"))

    assert (await client.get(PATH)).ok()["items"] == []


async def test_a_delayed_request_lets_others_pass(emulated: EmulatedCluster, client: Api):
    emulated.faults.delay_next(timedelta(minutes=5), when=lambda method, path: "slow" in path)

    slow = asyncio.create_task(client.get(f"{PATH}/slow"))
    quick = await client.get(f"{PATH}/quick")

    assert quick.code == 404
    assert not slow.done()
    slow.cancel()


async def test_dropped_watches_end_without_a_word_and_can_be_resumed(emulated: EmulatedCluster, client: Api):
    start = (await client.get(PATH)).ok()["metadata"]["resourceVersion"]
    async with client.watch(PATH, resourceVersion=start) as events:
        await client.create(PATH, config_map("a"))
        seen = (await events.next())["object"]["metadata"]["resourceVersion"]

        emulated.faults.drop_watches()
        rest = await events.rest()

    await client.create(PATH, config_map("b"))
    async with client.watch(PATH, resourceVersion=seen) as events:
        resumed = await events.types_and_names(1)
    assert rest == []
    assert resumed == [("ADDED", "b")]


async def test_expired_watches_end_with_410(emulated: EmulatedCluster, client: Api):
    start = (await client.get(PATH)).ok()["metadata"]["resourceVersion"]

    async with client.watch(PATH, resourceVersion=start) as events:
        await client.create(PATH, config_map("a"))
        await events.next()
        emulated.faults.expire_watches()
        last = await events.rest()

    assert [event["object"]["code"] for event in last] == [410]


async def test_a_cluster_that_is_down_answers_nobody(emulated: EmulatedCluster, client: Api):
    await client.get(PATH)

    emulated.faults.down()
    with pytest.raises(aiohttp.ClientError):
        await client.get(PATH)
    emulated.faults.up()

    (await client.get(PATH)).ok()


async def test_watches_end_when_the_cluster_goes_down(emulated: EmulatedCluster, client: Api):
    start = (await client.get(PATH)).ok()["metadata"]["resourceVersion"]
    async with client.watch(PATH, resourceVersion=start) as events:
        emulated.faults.down()
        with pytest.raises((aiohttp.ClientError, EOFError)):
            await events.next()
    emulated.faults.up()


async def test_all_faults_can_be_switched_off(emulated: EmulatedCluster, client: Api):
    emulated.faults.fail_next(5)
    emulated.faults.down()

    emulated.faults.clear()

    (await client.get(PATH)).ok()
