"""What registry documents say: image references, indexes, manifests and configs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

DOCKER_HUB = "docker.io"
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

_ALIASES = {"index.docker.io": DOCKER_HUB, "registry-1.docker.io": DOCKER_HUB}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_CREATED = "org.opencontainers.image.created"
_REVISION = "org.opencontainers.image.revision"


@dataclass(frozen=True, kw_only=True)
class TaggedImage:
    """A reference with Docker's defaults filled in."""

    host: str
    """Registry with its port, as users write it: `docker.io`, not the host of its API."""
    repository: str
    tag: str


def tagged_image(reference: str) -> TaggedImage:
    """The parts of a reference with a tag. Raises ValueError for anything else."""
    if "@" in reference:
        raise ValueError(f"{reference!r} is no image reference with a tag")
    return any_image(reference)


def any_image(reference: str) -> TaggedImage:
    """The parts of a reference; a digest, if it has one, stands for its tag. Raises ValueError."""
    name, _, digest = reference.strip().partition("@")
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if is_host else (DOCKER_HUB, name)
    host = _ALIASES.get(host, host)
    folder, slash, last = path.rpartition("/")
    last, _, tag = last.partition(":")
    repository = f"{folder}{slash}{last}"
    if host == DOCKER_HUB and not slash:
        repository = f"library/{repository}"
    version = digest or tag or "latest"
    good = is_digest(version) if digest else bool(_TAG.fullmatch(version))
    if not good or not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"{reference!r} is no image reference with a tag")
    return TaggedImage(host=host, repository=repository, tag=version)


def repository_of(reference: str) -> str:
    """A reference without tag and digest, as it was written otherwise."""
    name = reference.strip().partition("@")[0]
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def is_digest(text: str) -> bool:
    """Whether a text is a digest that content can be asked for by."""
    return bool(_DIGEST.fullmatch(text))


def is_index(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest lists images for several platforms."""
    return manifest.get("mediaType") in INDEX_TYPES or "manifests" in manifest


def platform_digest(index: Mapping[str, Any], architecture: str) -> str:
    """Digest of the Linux image of an index for an architecture; empty when it has none."""
    for entry in index.get("manifests") or ():
        platform = entry.get("platform") or {}
        if platform.get("os") == "linux" and platform.get("architecture") == architecture:
            return str(entry.get("digest") or "")
    return ""


def created_at(config: Mapping[str, Any]) -> str:
    """Creation time (RFC 3339, UTC) from the config, else from its label as it stands; empty if unknown."""
    try:
        created = datetime.fromisoformat(str(config.get("created") or ""))
    except ValueError:
        return _label(config, _CREATED)
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    return created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def revision(config: Mapping[str, Any]) -> str:
    """Source revision from the config's labels; empty if unknown."""
    return _label(config, _REVISION)


def _label(config: Mapping[str, Any], name: str) -> str:
    inner = config.get("config")
    labels = inner.get("Labels") if isinstance(inner, Mapping) else None
    return str(labels.get(name) or "") if isinstance(labels, Mapping) else ""
