"""A deployment and the image that it waits for, both with their workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airunway.api.model_image import ModelImageSpec
from airunway.api.names import model_image_workflow_id
from tests.workflows.image_world import ImageWorld
from tests.workflows.waiting import first
from tests.workflows.world import World

SPEC = ModelImageSpec(repository="example/Tiny-GGUF")


OTHER = ModelImageSpec(repository="example/Tiny-GGUF", file="other-Q8_0.gguf", token_secret="hf")


@dataclass
class Both:
    """The deployment's world and the image's."""

    deployment: World
    images: ImageWorld

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds in either."""

        async def find() -> bool | None:
            return holds() or None

        await first(find)

    async def until_built(self, reason: str) -> dict[str, Any]:
        """Wait until the image's condition carries a reason."""
        await self.until(lambda: self.condition().get("reason") == reason)
        return self.condition()

    def condition(self, kind: str = "ModelImageReady") -> dict[str, Any]:
        if not self.deployment.statuses:
            return {}
        entries = self.deployment.status["conditions"]
        return next((entry for entry in entries if entry["type"] == kind), {})

    def hold(self) -> asyncio.Event:
        self.images.gate = asyncio.Event()
        return self.images.gate

    async def being_built(self) -> asyncio.Event:
        """The deployment is there, and its image is being built until the event is set."""
        gate = self.hold()
        await self.deployment.start()
        await self.until_building()
        return gate

    async def until_building(self) -> None:
        await self.until(lambda: self.images.building == 1)

    def image_id(self, number: int = -1) -> str:
        plan = self.images.joined[number].plan
        return model_image_workflow_id("here", plan.repository, plan.identity)
