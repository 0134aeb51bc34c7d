"""What registry documents say: indexes, manifests and configs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

_CREATED = "org.opencontainers.image.created"
_REVISION = "org.opencontainers.image.revision"


def digest_of(content: bytes) -> str:
    """The digest that content is kept under."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


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
