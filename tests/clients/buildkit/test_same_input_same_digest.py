"""The same model gives the same digest: on a daemon that knows nothing, another day.

From a server with other dates only with `fixed_dates`. The bytes are each test's own: a daemon that has them
already does not ask for them again, nor for their date.
"""

from __future__ import annotations

import os

import pytest

from tests.clients.buildkit.world import World


def weights() -> bytes:
    return os.urandom(300_000)


@pytest.mark.parametrize("fixed_dates", [False, True], ids=["linked", "copied"])
async def test_a_wiped_daemon_builds_the_same_again(world: World, fixed_dates: bool) -> None:
    base, base_config = await world.push_base({"/bin/serve": b"#!"}, {})
    model = world.model({"a.gguf": weights(), "deep/b.gguf": weights()})
    image = world.image(model, base=base, base_config=base_config, fixed_dates=fixed_dates)
    first = await world.build(image)

    await world.wipe()
    again = await world.build(image)

    assert again.digest == first.digest


@pytest.mark.parametrize("fixed_dates", [False, True], ids=["linked", "copied"])
async def test_only_fixed_dates_make_up_for_a_server_with_others(world: World, fixed_dates: bool) -> None:
    image = world.image(world.model({"a.gguf": weights()}), fixed_dates=fixed_dates)
    first = await world.build(image)

    await world.wipe()
    world.hub.last_modified = "Sun, 04 Feb 2029 05:06:07 GMT"
    again = await world.build(image)

    assert (again.digest == first.digest) is fixed_dates


async def test_a_server_without_dates_is_one_with_the_same(world: World) -> None:
    world.hub.last_modified = ""
    image = world.image(world.model({"a.gguf": weights()}))
    first = await world.build(image)

    await world.wipe()
    again = await world.build(image)

    assert again.digest == first.digest


async def test_a_base_without_history_changes_nothing_about_that(world: World) -> None:
    base, base_config = await world.push_base({"/bin/serve": b"#!"}, {})
    image = world.image(
        world.model({"a.gguf": weights()}), base=base, base_config={**base_config, "history": []}
    )
    first = await world.build(image)

    await world.wipe()
    again = await world.build(image)

    assert again.digest == first.digest


async def test_other_bytes_give_another_digest(world: World) -> None:
    first = await world.build(world.image(world.model({"a.gguf": weights()})))

    other = await world.build(world.image(world.model({"a.gguf": weights()})))

    assert other.digest != first.digest
