"""A download that fails says whether another try can help, and leaves nothing on the daemon's disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import pytest

from airunway.clients.buildkit import (
    BuildError,
    DigestMismatch,
    SourceMissing,
    SourceRefused,
    SourceUnavailable,
)
from tests.clients.buildkit.world import SECRETS, World

WEIGHTS = os.urandom(2_000_000)


@dataclass
class Case:
    status: int
    want: type[BuildError]
    retryable: bool


@pytest.mark.parametrize(
    "case",
    [
        Case(401, SourceRefused, retryable=False),
        Case(403, SourceRefused, retryable=False),
        Case(404, SourceMissing, retryable=False),
        Case(429, SourceUnavailable, retryable=True),
        Case(500, SourceUnavailable, retryable=True),
        Case(503, SourceUnavailable, retryable=True),
    ],
    ids=lambda case: str(case.status),
)
async def test_a_status_is_told_apart_from_wrong_bytes(world: World, case: Case) -> None:
    await world.make_links()
    image = world.image(world.model({"a.gguf": os.urandom(2_000_000)}))
    world.hub.refuse(case.status, retry_after=7)
    before = await world.kept_bytes()

    with pytest.raises(case.want, match=rf"/models/a\.gguf.*HTTP {case.status}") as caught:
        await world.build(image)

    assert type(caught.value) is case.want
    assert caught.value.retryable is case.retryable
    assert await world.kept_bytes() == before
    if case.retryable:
        assert caught.value.retry_after == 7


async def test_a_page_that_came_once_instead_of_the_file_is_worth_another_try(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(2_000_000)}))
    world.hub.refuse(503, times=1)

    with pytest.raises(SourceUnavailable):
        await world.build(image)
    await world.build(image)

    assert list(await world.content()) == ["/models/a.gguf"]


async def test_other_bytes_of_the_announced_size_are_final(world: World) -> None:
    await world.make_links()
    image = world.image(world.model({"a.gguf": os.urandom(2_000_000)}))
    world.hub.swap(b"evil")
    before = await world.kept_bytes()

    with pytest.raises(DigestMismatch, match=r"/models/a\.gguf") as caught:
        await world.build(image)

    assert not caught.value.retryable
    assert await world.kept_bytes() == before


async def test_a_file_that_is_another_size_at_its_server_is_final(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(2_000_000)}))
    announced = replace(image.files[0], size=50_000_000, sha256="0" * 64)

    with pytest.raises(DigestMismatch, match="2000000 bytes under that name, not 50000000"):
        await world.build(replace(image, files=[announced]))


async def test_a_broken_connection_is_worth_another_try_and_leaves_nothing(world: World) -> None:
    await world.make_links()
    image = world.image(world.model({"a.gguf": os.urandom(2_000_000)}))
    world.hub.drop(after=1_000_000, times=1)
    before = await world.kept_bytes()

    with pytest.raises(SourceUnavailable):
        await world.build(image)

    assert await world.kept_bytes() == before
    await world.build(image)


async def test_a_server_that_is_not_there_may_come_back(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(2_000_000)}))
    await world.hub.__aexit__(None, None, None)

    with pytest.raises(SourceUnavailable):
        await world.build(image)


async def test_one_bad_file_of_several_is_named(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(500_000), "b.gguf": os.urandom(500_000)}))
    world.hub.refuse(404, file="b.gguf")

    with pytest.raises(SourceMissing, match=r"/models/b\.gguf"):
        await world.build(image)


async def test_a_token_that_is_not_accepted_is_final(world: World) -> None:
    model = world.model({"a.gguf": os.urandom(2_000_000)}, token="another")

    with pytest.raises((SourceMissing, SourceRefused)) as caught:
        await world.build(world.image(model, auth_secret="HF"), secrets=SECRETS)

    assert not caught.value.retryable


async def test_a_base_that_is_not_there_is_final(world: World) -> None:
    nothing = f"{world.registry}/nothing@sha256:{'0' * 64}"

    with pytest.raises(SourceMissing, match="base image"):
        await world.build(world.image(world.model({"a.gguf": WEIGHTS}), base=nothing))
