"""A token is asked for through the session, and appears nowhere else."""

from __future__ import annotations

import os
import traceback

import pytest

from airunway.clients.buildkit import BuildError, definition_of
from tests.clients.buildkit.world import SECRETS, TOKEN, World


async def test_the_token_is_not_part_of_what_is_built(world: World) -> None:
    image = world.image(world.model({"a.gguf": os.urandom(300_000)}, token=TOKEN), auth_secret="HF")

    assert TOKEN.encode() not in definition_of(image).SerializeToString()


async def test_the_token_is_in_no_error(world: World) -> None:
    model = world.model({"a.gguf": os.urandom(300_000)}, token="another")

    with pytest.raises(BuildError) as caught:
        await world.build(world.image(model, auth_secret="HF"), secrets=SECRETS)

    shown = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in shown
    assert [seen.where for seen in world.hub.requests if TOKEN in seen.authorization]


async def test_the_token_is_not_in_the_image(world: World) -> None:
    model = world.model({"a.gguf": os.urandom(300_000)}, token=TOKEN)

    await world.build(world.image(model, auth_secret="HF"), secrets=SECRETS)

    _, manifest = await world.manifest()
    assert TOKEN not in str(manifest) + str(await world.config())


async def test_a_secret_that_is_not_given_is_noticed_before_anything_starts(world: World) -> None:
    model = world.model({"a.gguf": os.urandom(300_000)}, token=TOKEN)

    with pytest.raises(ValueError, match="HF"):
        await world.build(world.image(model, auth_secret="HF"))

    assert not world.hub.requests
