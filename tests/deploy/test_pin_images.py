"""`dev.py pin`: digests of images of others, from their registries into the files that name them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.errors import RegistryError
from tests.clients.registry.server import registry_server
from tools.pin_images import FILES, digests_of, images_in, pin, pinned

COMPOSE = """
    image: ${AIRUNWAY_IMAGE:-ghcr.io/ai-runway/airunway/temporal:0.1.0}
    image: ${POSTGRES_IMAGE:-team/model:16.6@sha256:%s}
    image: ${TEMPORAL_SERVER_IMAGE:-team/model:1.30.8}  # twice
    image: ${TEMPORAL_SERVER_IMAGE:-team/model:1.30.8}
ARG PYTHON_IMAGE=team/model:3.13-slim
""" % ("0" * 64)


async def asked(images: list[str]) -> dict[str, str]:
    async with registry_server() as registry:
        for image in images:
            registry.add_image({"config": {"Labels": {"of": image}}}, tag=image.rpartition(":")[2])
        return await digests_of(images, RegistryClient(mirrors={"docker.io": registry.url}))


def test_tags_of_others_get_their_digest_and_nothing_else_changes() -> None:
    images = images_in(COMPOSE)
    digests = asyncio.run(asked(images))

    after = pinned(COMPOSE, digests)

    assert images == ["team/model:16.6", "team/model:1.30.8", "team/model:3.13-slim"]
    assert len(set(digests.values())) == 3
    wanted = COMPOSE.replace(f"@sha256:{'0' * 64}", "")
    for image, digest in digests.items():
        wanted = wanted.replace(image, f"{image}@{digest}")
    assert after == wanted
    assert pinned(after, digests) == after


def test_where_one_registry_does_not_answer_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    nobody = RegistryClient(mirrors={"docker.io": "http://127.0.0.1:1"})

    with pytest.raises(RegistryError, match=r"team/model:16\.6: 127\.0\.0\.1 cannot be asked"):
        pin([file], nobody)

    assert file.read_text() == COMPOSE


def test_it_finds_what_the_project_names() -> None:
    found = {image.partition(":")[0] for file in FILES for image in images_in(file.read_text())}

    assert found == {"postgres", "temporalio/admin-tools", "temporalio/server", "temporalio/ui", "python"}
