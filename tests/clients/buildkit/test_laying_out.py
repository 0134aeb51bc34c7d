"""Where files lie: at the image's root, with a link from their path; copied to it when dates are fixed."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.buildkit import HttpFile
from tests.clients.buildkit.images import http_file, model_image
from tests.clients.buildkit.world import World

WEIGHTS = os.urandom(500_000)
LAST_MODIFIED = 1_767_225_600  # as the hub says it
FOLDER, FILE, LINK = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE


def entries(layer: tarfile.TarFile) -> list[tuple[Any, ...]]:
    return [(entry.name, entry.type, entry.mode, entry.uid, entry.mtime, entry.linkname) for entry in layer]


async def test_a_file_lies_at_the_root_and_a_link_leads_to_it(world: World) -> None:
    image = world.image(world.model({"a.gguf": WEIGHTS}))

    await world.build(image)

    assert [entries(layer) for layer in await world.layers()] == [
        [("a.gguf", FILE, 0o644, 0, LAST_MODIFIED, "")],
        [
            ("models", FOLDER, 0o755, 0, 0, ""),
            ("models/a.gguf", LINK, 0o777, 0, 0, "../a.gguf"),
        ],
    ]


async def test_with_fixed_dates_it_is_copied_to_its_path(world: World) -> None:
    image = world.image(world.model({"a.gguf": WEIGHTS}), fixed_dates=True)

    await world.build(image)

    assert [entries(layer) for layer in await world.layers()] == [
        [
            ("models", FOLDER, 0o755, 0, 0, ""),
            ("models/a.gguf", FILE, 0o644, 0, 0, ""),
        ],
    ]


@pytest.mark.parametrize("fixed_dates", [False, True], ids=["linked", "copied"])
async def test_unpacked_each_part_of_a_model_finds_the_others_beside_it(
    world: World, tmp_path: Path, fixed_dates: bool
) -> None:
    parts = {f"a-0000{part}-of-00002.gguf": os.urandom(300_000) for part in (1, 2)}
    base, base_config = await world.push_base({"/bin/serve": b"#!", "/models/README": b"!"}, {})
    image = world.image(world.model(parts), base=base, base_config=base_config, fixed_dates=fixed_dates)

    await world.build(image)
    for layer in await world.layers():
        layer.extractall(tmp_path, filter="tar")

    assert {file.name: file.read_bytes() for file in (tmp_path / "models").iterdir()} == {
        "README": b"!",
        **parts,
    }
    config = await world.config()
    layers = [entry for entry in config["history"] if not entry.get("empty_layer")]
    assert len(layers) == len(config["rootfs"]["diff_ids"])
    assert {entry["created"] for entry in layers[1:]} == {"1970-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("name", "fixed_dates"),
    [
        ("deep/er folder/ä b%.gguf", False),
        ("deep/er folder/ä b%[a-c]*?.gguf", True),
        ("a model's [weights]* $(x).GGUF", False),
        ("bin", True),
    ],
)
async def test_a_file_may_have_any_name(world: World, name: str, fixed_dates: bool) -> None:
    image = world.image(world.model({name: WEIGHTS}), fixed_dates=fixed_dates)

    await world.build(image)

    assert await world.content() == {f"/models/{name}": WEIGHTS}


async def test_a_file_that_is_wanted_at_the_root_needs_no_link(world: World) -> None:
    model = world.model({"a.gguf": WEIGHTS})
    file = world.files(model)[0]
    at_root = HttpFile(url=file.url, sha256=file.sha256, size=file.size, path="/a.gguf")

    await world.build(world.image(model, files=[at_root]))

    assert [layer.getnames() for layer in await world.layers()] == [["a.gguf"]]


@pytest.mark.parametrize(
    ("reason", "paths", "message"),
    [
        ("a name that the base may have at its root", ["/models/bin"], "/models/bin might hide"),
        ("the folder of the links", ["/models/models"], "/models/models might hide"),
        ("a folder like a file's name", ["/x.gguf/y.gguf"], "/x.gguf/y.gguf might hide"),
        ("a file in a folder of its own name", ["/x.gguf/x.gguf"], "might hide"),
        ("one name twice", ["/models/a/x.gguf", "/models/b/x.gguf"], "same name"),
    ],
)
def test_files_that_would_hide_something_are_refused_unless_copied(
    reason: str, paths: list[str], message: str
) -> None:
    files = [http_file("x", path=path) for path in paths]

    with pytest.raises(ValueError, match=f"{message}.*fixed dates"):
        model_image(*files)

    assert model_image(*files, fixed_dates=True).linked_files == []
