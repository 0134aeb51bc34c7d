"""What the settings say about model images, and what is needed of the outside: hub, builder.

The outside is a few small protocols, so that tests put fakes there and the frontend of AIKit is one more
builder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from airunway.clients.huggingface import HubRepository
from airunway.clients.registry.client import BaseImage, ResolvedReference
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.messages.model_image import BuildProgress
from airunway.modelimage.naming import HUB, PULL_HOST, namespace_of_private
from airunway.modelimage.plan import AIKIT_LAYOUT, FIXED_DATES_LAYOUT, LAYOUT, RUNNER_BASE, ModelImagePlan


@dataclass(frozen=True, kw_only=True)
class ModelImageOptions:
    """The settings of model images. `cluster_name`: part of the ids of their workflows."""

    cluster_name: str
    enabled: bool = True
    hub: str = HUB
    base: str = RUNNER_BASE
    architecture: str = "amd64"
    frontend: str = ""
    """AIKit's frontend image, when it is to build instead of our own definition."""
    fixed_dates: bool = False
    """Date the files of an image 1970 instead of as the hub does."""
    registry_bytes: int = 0
    """Size of the volume of the registry that is looked after here; 0: not known."""
    builder_bytes: int = 0
    pull_host: str = PULL_HOST
    private_pull_host: str = ""
    """What nodes call the registry for private images; empty: the same."""
    pull_secret: str = ""
    """Secret of a namespace that its private images are pulled with; empty: none are made, as whoever reaches
    somebody else's registry may pull."""
    stall: timedelta = timedelta(minutes=5)

    def pull_host_of(self, repository: str) -> str:
        """What nodes call the registry for a repository."""
        private = self.private_pull_host if namespace_of_private(repository) else ""
        return private or self.pull_host

    @property
    def layout(self) -> str:
        """Of the images that are planned."""
        if self.frontend:
            return AIKIT_LAYOUT
        return FIXED_DATES_LAYOUT if self.fixed_dates else LAYOUT


@dataclass(frozen=True, kw_only=True)
class BuildOrder:
    """Everything for one build. `urls`: of the plan's files, in their order."""

    plan: ModelImagePlan
    urls: tuple[str, ...]
    base_config: Mapping[str, Any]
    push_to: str
    insecure: bool
    ref: str
    token: str = field(default="", repr=False)
    login: RegistryCredentials | None = field(default=None, repr=False)


class Hub(Protocol):
    """What is needed of the hub; see `airunway.clients.huggingface.HuggingFace`."""

    async def repository(self, name: str, *, revision: str, token: str = "") -> HubRepository:
        """What a repository holds."""

    async def history(self, name: str, *, revision: str, token: str = "") -> Sequence[str]:
        """The latest commits of a branch or tag."""

    async def check_access(self, repository: HubRepository, path: str, *, token: str = "") -> None:
        """See whether a file may be read."""

    async def digest_of(self, repository: HubRepository, path: str, *, token: str = "") -> str:
        """SHA-256 of a small file."""

    def url(self, repository: HubRepository, path: str) -> str:
        """Where a file is downloaded."""


class BaseImages(Protocol):
    """What is needed of other people's registries; see `airunway.clients.registry.client.RegistryClient`."""

    async def resolve(self, reference: str) -> ResolvedReference:
        """The digest of a tag."""

    async def base_image(self, reference: str, *, architecture: str) -> BaseImage:
        """The image of one platform."""


class Builder(Protocol):
    """What is needed of BuildKit; see `airunway.activities.model_image.builder`. Errors are ClientErrors."""

    async def check(self) -> str:
        """Its version. Raises BuilderUnreachable."""

    async def build(self, order: BuildOrder, *, on_progress: Callable[[BuildProgress], None]) -> str:
        """Digest of the pushed manifest. Cancelling the task stops the build."""

    async def free(self, plan: ModelImagePlan | None, urls: Sequence[str]) -> int:
        """Drop what is kept of a plan's downloads, or with None all that is not in use; bytes freed."""
