"""Image references as users write them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCKER_HUB = "docker.io"

_ALIASES = {"index.docker.io": DOCKER_HUB, "registry-1.docker.io": DOCKER_HUB}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class RegistryReference:
    """A reference with Docker's defaults filled in."""

    host: str
    """Registry with its port, in lower case: `docker.io`, not the host of its API."""
    repository: str
    tag: str


def parse_tagged_reference(reference: str) -> RegistryReference:
    """The parts of a reference with a tag. Raises ValueError for anything else."""
    if "@" in reference:
        raise ValueError(f"{reference!r} is no image reference with a tag")
    return parse_reference(reference)


def parse_reference(reference: str) -> RegistryReference:
    """The parts of a reference; a digest, if it has one, stands for its tag. Raises ValueError."""
    name, at, digest = reference.strip().partition("@")
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first.lower() == "localhost")
    host, path = (first.lower(), rest) if is_host else (DOCKER_HUB, name)
    host = _ALIASES.get(host, host)
    folder, slash, last = path.rpartition("/")
    last, colon, tag = last.partition(":")
    repository = f"{folder}{slash}{last}"
    if host == DOCKER_HUB and not slash:
        repository = f"library/{repository}"
    # Where there is a sign, something must follow: runtimes take no `name:` and no `name@`.
    good = (not colon or _TAG.fullmatch(tag)) and (not at or is_digest(digest))
    if not good or not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"{reference!r} is no image reference with a tag")
    return RegistryReference(host=host, repository=repository, tag=digest or tag or "latest")


def tag_of(reference: str) -> str:
    """The tag that is written in a reference, also beside a digest; empty without one."""
    return reference.strip().partition("@")[0].rpartition("/")[2].partition(":")[2]


def repository_of(reference: str) -> str:
    """A reference without tag and digest, as it was written otherwise."""
    name = reference.strip().partition("@")[0]
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def is_digest(text: str) -> bool:
    """Whether a text is a digest that content can be asked for by."""
    return bool(_DIGEST.fullmatch(text))
