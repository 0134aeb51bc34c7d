"""The pretend registry answers a digest look-up as a real one does."""

from __future__ import annotations

import pytest

from clients.image_registry import ImageRegistries
from clients.registry_http import ImageNotFound
from sandbox.registry import PretendRegistry


async def test_a_tag_gets_its_digest_time_and_revision() -> None:
    async with PretendRegistry() as registry:
        found = await _registries(registry).resolve("vllm/vllm-openai:latest")

        assert found.digest == registry.digest("vllm/vllm-openai", "latest")
        assert found.created_at
        assert found.revision


async def test_a_tag_that_moved_has_another_digest() -> None:
    async with PretendRegistry() as registry:
        before = await _registries(registry).resolve("vllm/vllm-openai:nightly")

        registry.move("vllm/vllm-openai", "nightly")

        assert (await _registries(registry).resolve("vllm/vllm-openai:nightly")).digest != before.digest


async def test_an_unknown_tag_is_not_found() -> None:
    async with PretendRegistry() as registry:
        with pytest.raises(ImageNotFound):
            await _registries(registry).resolve("vllm/vllm-openai:no-such")


def _registries(registry: PretendRegistry) -> ImageRegistries:
    return ImageRegistries(mirrors={"docker.io": registry.url})
