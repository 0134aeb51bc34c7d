"""Which image a deployment runs: ask the registry, let the provider say what the answer means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.errors import RegistryError
from airunway.provider.contract import ImageReport, ImageResolution, Provider
from airunway.provider.images import ImagePolicy, image_policy

# A registry that did not answer is left alone for a while: passes are frequent, registries count requests.
ASK_AGAIN_SECONDS = 60.0


class Resolver(Protocol):
    """What is needed of the registries."""

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest of a tag. Raises RegistryError."""


class ImageStep:
    """Resolves images for the provider passes of one process."""

    def __init__(self, resolver: Resolver, *, env: Mapping[str, str]) -> None:
        self._resolver = resolver
        self._env = env
        self._failed: dict[str, tuple[float, str]] = {}

    @property
    def policy(self) -> ImagePolicy:
        """What the worker's environment asks for. Raises RenderError for an unknown word."""
        return image_policy(self._env)

    async def report(self, provider: Provider, deployment: ModelDeployment) -> ImageReport | None:
        """The image's status; None when the provider has no such step."""
        wanted = provider.image_to_resolve(deployment)
        asked = bool(wanted) and self.policy is not ImagePolicy.OFF
        resolution = await self._resolve(wanted) if wanted and asked else None
        return provider.describe_image(deployment, resolution, datetime.now(UTC))

    async def _resolve(self, reference: str) -> ImageResolution:
        when, error = self._failed.get(reference, (0.0, ""))
        if error and time.monotonic() - when < ASK_AGAIN_SECONDS:
            return ImageResolution(reference=reference, error=error)
        try:
            found = await self._resolver.resolve(reference)
        except RegistryError as err:
            self._failed[reference] = (time.monotonic(), str(err))
            return ImageResolution(reference=reference, error=str(err))
        self._failed.pop(reference, None)
        return ImageResolution(
            reference=reference,
            digest=found.digest,
            created_at=found.created_at,
            revision=found.revision,
        )
