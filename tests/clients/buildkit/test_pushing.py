"""A push that fails says whether another try can help; a login comes from the session."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from airunway.clients.buildkit import PushRefused, PushUnavailable
from airunway.sandbox.registry import PretendRegistry
from kube_emulator.envtest.ports import free_port
from tests.clients.buildkit.world import World

PASSWORD = "never_to_be_seen"


@pytest.fixture
async def closed_registry() -> AsyncIterator[PretendRegistry]:
    """A registry that wants a login; the real daemon pushes to it as well."""
    async with PretendRegistry() as registry:
        registry.login = ("builder", PASSWORD)
        yield registry


async def test_a_registry_that_is_down_is_worth_another_try(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}))

    with pytest.raises(PushUnavailable) as caught:
        await world.build(image, push_to=f"127.0.0.1:{free_port()}/x:1")

    assert caught.value.retryable


async def test_a_push_without_a_login_is_refused(world: World, closed_registry: PretendRegistry) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}))

    with pytest.raises(PushRefused, match="x:1") as caught:
        await world.build(image, push_to=f"{closed_registry.host}/x:1")

    assert not caught.value.retryable


async def test_a_wrong_login_is_refused_and_not_repeated(
    world: World, closed_registry: PretendRegistry
) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}))
    login = {closed_registry.host: ("builder", "wrong_password")}

    with pytest.raises(PushRefused) as caught:
        await world.build(image, push_to=f"{closed_registry.host}/x:1", registry_auth=login)

    assert "wrong_password" not in str(caught.value)


async def test_a_login_is_used(world: World, closed_registry: PretendRegistry) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}))
    login = {closed_registry.host: ("builder", PASSWORD)}

    built = await world.build(image, push_to=f"{closed_registry.host}/x:1", registry_auth=login)

    assert built.digest == closed_registry.digest("x", "1")


@pytest.mark.real
async def test_a_login_that_is_only_good_for_a_token_is_used(
    real_world: World, closed_registry: PretendRegistry
) -> None:
    closed_registry.gives_tokens = True
    image = real_world.image(real_world.model({"a.gguf": os.urandom(300_000)}))
    login = {closed_registry.host: ("builder", PASSWORD)}

    built = await real_world.build(image, push_to=f"{closed_registry.host}/x:1", registry_auth=login)

    assert built.digest == closed_registry.digest("x", "1")
