"""A model's image is built of downloads and pushed; what is pulled is what was on the hub."""

from __future__ import annotations

import os

from tests.clients.buildkit.world import SECRETS, TOKEN, World

WEIGHTS = os.urandom(3_000_000)


async def test_the_file_in_the_image_is_the_file_on_the_hub(world: World) -> None:
    image = world.image(world.model({"a.gguf": WEIGHTS}))

    built = await world.build(image)

    digest, _ = await world.manifest("latest")
    assert built.digest == digest
    assert await world.content(built.digest) == {"/models/a.gguf": WEIGHTS}


async def test_each_file_of_a_split_model_is_a_layer_that_is_not_compressed(world: World) -> None:
    parts = {f"a-0000{part}-of-00003.gguf": os.urandom(400_000) for part in (1, 2, 3)}
    image = world.image(world.model(parts))

    await world.build(image)

    _, manifest = await world.manifest()
    media_types = [layer["mediaType"] for layer in manifest["layers"]]
    assert media_types == ["application/vnd.oci.image.layer.v1.tar"] * 4
    of_files = [[entry.name for entry in layer] for layer in (await world.layers())[:3]]
    assert of_files == [[name] for name in parts]
    assert await world.content() == {f"/models/{name}": content for name, content in parts.items()}


async def test_the_base_lies_below_untouched(world: World) -> None:
    base, base_config = await world.push_base({"/bin/serve": b"#!"}, {"Env": ["A=1", "B=1"], "Cmd": ["x"]})
    image = world.image(
        world.model({"a.gguf": WEIGHTS}),
        base=base,
        base_config=base_config,
        config={"Env": ["B=2"], "Entrypoint": ["/bin/serve"], "Labels": {"made.by": "a test"}},
    )

    await world.build(image)

    assert await world.content() == {"/bin/serve": b"#!", "/models/a.gguf": WEIGHTS}
    config = await world.config()
    assert config["config"] == {
        "Env": ["A=1", "B=2"],
        "Entrypoint": ["/bin/serve"],
        "Labels": {"made.by": "a test"},
    }
    assert config["rootfs"]["diff_ids"][0] == base_config["rootfs"]["diff_ids"][0]
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


async def test_a_private_model_is_built_with_the_token_of_a_secret(world: World) -> None:
    model = world.model({"a.gguf": WEIGHTS}, token=TOKEN)
    image = world.image(model, auth_secret="HF")

    await world.build(image, secrets=SECRETS)

    assert await world.content() == {"/models/a.gguf": WEIGHTS}
    said = [(seen.where, seen.authorization) for seen in world.hub.requests]
    assert said == [("resolve", f"Bearer {TOKEN}"), ("cdn", "")]


async def test_a_second_build_downloads_nothing(world: World) -> None:
    image = world.image(world.model({"a.gguf": WEIGHTS + b"2"}))
    first = await world.build(image)
    world.hub.requests.clear()

    second = await world.build(image)

    assert second == first
    assert not world.hub.requests
