"""Image references and how images are resolved. Pure; the registry itself is `clients.registry`.

Source: vllm.md §7.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from airunway.provider.contract import RenderError

POLICY_VARIABLE = "AIRUNWAY_IMAGE_RESOLUTION"

_DOCKER_HUB_PREFIXES = ("docker.io/", "index.docker.io/")
_MINUTE_SECONDS, _HOUR_SECONDS, _DAY_SECONDS = 60, 3600, 86400


class ResolutionPolicy(StrEnum):
    """What happens when a registry cannot say which digest a tag stands for."""

    BEST_EFFORT = "best-effort"
    """The deployment goes on with the tag."""
    REQUIRED = "required"
    """A default image without a digest fails the deployment, as in the reference."""
    OFF = "off"
    """No registry is asked."""


def resolution_policy(env: Mapping[str, str]) -> ResolutionPolicy:
    """The policy that the worker's environment asks for. Raises RenderError for an unknown word."""
    text = env.get(POLICY_VARIABLE, "").strip().lower()
    if not text:
        return ResolutionPolicy.BEST_EFFORT
    try:
        return ResolutionPolicy(text)
    except ValueError:
        words = ", ".join(policy.value for policy in ResolutionPolicy)
        raise RenderError(f"{POLICY_VARIABLE}: must be one of {words}") from None


@dataclass(frozen=True, kw_only=True)
class ImageReference:
    """A reference and its parts, as written; tag and digest are empty when it has none."""

    text: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def needs_registry(self) -> bool:
        """Whether only a registry knows the digest: there is a tag and no digest."""
        return bool(self.tag) and not self.digest

    @property
    def short_repository(self) -> str:
        """The repository without Docker Hub's host names."""
        repository = self.repository
        for prefix in _DOCKER_HUB_PREFIXES:
            repository = repository.removeprefix(prefix)
        return repository


def split_reference(reference: str) -> ImageReference:
    """The parts of a reference: `@` starts the digest, a `:` after the last `/` the tag."""
    text = reference.strip()
    name, _, digest = text.partition("@")
    path, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return ImageReference(text=text, repository=f"{path}{slash}{last}", tag=tag, digest=digest)


def age_of(created_at: str, now: datetime) -> str:
    """Age of an image: `3d`, `5h`, `12m` or `0m`; empty when the time cannot be read."""
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError:
        return ""
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    seconds = max(0, int((now - created).total_seconds()))
    if seconds >= _DAY_SECONDS:
        return f"{seconds // _DAY_SECONDS}d"
    if seconds >= _HOUR_SECONDS:
        return f"{seconds // _HOUR_SECONDS}h"
    return f"{seconds // _MINUTE_SECONDS}m"
