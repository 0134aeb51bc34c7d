"""Which serving image a deployment runs: ask the registry, let the provider say what the answer means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.errors import RegistryError
from airunway.provider import Provider, ServingImageReport, ServingImageResolution
from airunway.provider.serving_image import ResolutionPolicy, resolution_policy

# A registry that did not answer is left alone for a while: reconciles are frequent, registries count
# requests.
RETRY_AFTER_SECONDS = 60.0


class DigestResolver(Protocol):
    """What is needed of the registries."""

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest of a tag. Raises RegistryError."""


class ServingImageStep:
    """Resolves serving images for the reconciles of one process."""

    def __init__(self, resolver: DigestResolver, *, env: Mapping[str, str]) -> None:
        self._resolver = resolver
        self._env = env
        self._failed: dict[str, tuple[float, str]] = {}

    @property
    def policy(self) -> ResolutionPolicy:
        """What the worker's environment asks for. Raises RenderError for an unknown word."""
        return resolution_policy(self._env)

    async def report(self, provider: Provider, deployment: ModelDeployment) -> ServingImageReport | None:
        """The image's status; None when the provider has no such step."""
        wanted = provider.serving_image_to_resolve(deployment)
        asked = bool(wanted) and self.policy is not ResolutionPolicy.OFF
        resolution = await self._resolve(wanted) if wanted and asked else None
        return provider.describe_serving_image(deployment, resolution, datetime.now(UTC))

    async def _resolve(self, reference: str) -> ServingImageResolution:
        when, error = self._failed.get(reference, (0.0, ""))
        if error and time.monotonic() - when < RETRY_AFTER_SECONDS:
            return ServingImageResolution(reference=reference, error=error)
        try:
            found = await self._resolver.resolve(reference)
        except RegistryError as err:
            self._failed[reference] = (time.monotonic(), str(err))
            return ServingImageResolution(reference=reference, error=str(err))
        self._failed.pop(reference, None)
        return ServingImageResolution(
            reference=reference,
            digest=found.digest,
            created_at=found.created_at,
            revision=found.revision,
        )
