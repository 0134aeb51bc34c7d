"""The same model gives the same digest: on a daemon that knows nothing, another day, from another server."""

from __future__ import annotations

import os

from tests.clients.buildkit.world import World

WEIGHTS = os.urandom(500_000)


async def test_a_wiped_daemon_builds_the_same_again(world: World) -> None:
    base, base_config = await world.push_base({"/bin/serve": b"#!"}, {})
    image = world.image(world.model({"a.gguf": WEIGHTS}), base=base, base_config=base_config)
    first = await world.build(image)

    await world.wipe()
    world.hub.last_modified = "Sun, 04 Feb 2029 05:06:07 GMT"
    again = await world.build(image)

    assert again.digest == first.digest


async def test_a_base_without_history_changes_nothing_about_that(world: World) -> None:
    base, base_config = await world.push_base({"/bin/serve": b"#!"}, {})
    image = world.image(
        world.model({"a.gguf": WEIGHTS}), base=base, base_config={**base_config, "history": []}
    )
    first = await world.build(image)

    await world.wipe()
    again = await world.build(image)

    assert again.digest == first.digest


async def test_other_bytes_give_another_digest(world: World) -> None:
    first = await world.build(world.image(world.model({"a.gguf": WEIGHTS})))

    other = await world.build(world.image(world.model({"a.gguf": WEIGHTS[::-1]})))

    assert other.digest != first.digest
