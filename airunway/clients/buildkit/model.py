"""What goes into a build and what comes out of it, as plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MODEL_SUFFIX = ".gguf"


@dataclass(frozen=True, kw_only=True)
class BuildKitEndpoint:
    """Where BuildKit listens, and how it is trusted.

    `tcp://host:port` or `unix:///path`. With a `ca_file` TCP is TLS; with `cert_file` and `key_file` too, we
    show a certificate of our own. `server_name` is what the daemon's certificate must be for, when that is
    not the host.
    """

    address: str
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"tcp://[^/\s]+:\d+|unix:///\S+", self.address):
            raise ValueError(
                f"BuildKit's address must be tcp://host:port or unix:///path, not {self.address!r}"
            )
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("a client certificate for BuildKit needs both its file and its key's")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("a client certificate for BuildKit needs the file of the daemon's authority too")


@dataclass(frozen=True)
class Platform:
    """What an image runs on."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@dataclass(frozen=True, kw_only=True)
class HttpFile:
    """One file of a model. Raises ValueError for what BuildKit would misunderstand."""

    url: str
    sha256: str
    """Hex, without `sha256:`."""
    size: int
    """Bytes; for progress, and to tell an error page from other weights."""
    path: str
    """Absolute, in the image: `/models/x.gguf`."""
    auth_secret: str = ""
    """Id of the secret that holds the Authorization header; empty: anonymous."""

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/]", self.url) or _CONTROL.search(self.url):
            raise ValueError(f"not a URL to download from: {self.url!r}")
        if urlsplit(self.url).username is not None:
            raise ValueError("not a URL to download from: a login belongs into a secret, not into it")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"not a SHA-256 in hex: {self.sha256!r}")
        pure = PurePosixPath(self.path)
        plain = str(pure) == self.path and pure.is_absolute() and ".." not in pure.parts and bool(pure.name)
        if not plain or self.path.startswith("//") or _CONTROL.search(self.path):
            raise ValueError(f"not a plain absolute path of a file: {self.path!r}")
        # BuildKit would cut off the spaces; a layer's entry of the other kind means that a file is removed.
        if pure.name != pure.name.strip() or any(part.startswith(".wh.") for part in pure.parts):
            raise ValueError(f"not a plain absolute path of a file: {self.path!r}")

    @property
    def name(self) -> str:
        """Its last part, for people."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """An image: a base, the model's files on top of it as a layer each, and what it starts."""

    base: str
    """Whole reference, with host and digest; empty: nothing below the files."""
    base_config: Mapping[str, Any]
    """The base's OCI image config, as its registry gives it."""
    files: Sequence[HttpFile]
    config: Mapping[str, Any] = field(default_factory=dict)
    """Ours over the base's: Entrypoint, Cmd, Env, Labels, ExposedPorts, WorkingDir, User."""
    platform: Platform = Platform()
    fixed_dates: bool = False
    """Copy the files to date them 1970, so that the digest does not depend on their server's dates."""

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("an image of a model needs at least one file")
        if len({file.path for file in self.files}) != len(self.files):
            raise ValueError("two files of an image have the same path")
        if not self.fixed_dates:
            _refuse_clashes(self.files)

    @property
    def linked_files(self) -> Sequence[HttpFile]:
        """Those that lie at the image's root, and at their path have a link."""
        if self.fixed_dates:
            return []
        return [file for file in self.files if file.path != f"/{file.name}"]


def _refuse_clashes(files: Sequence[HttpFile]) -> None:
    """Files that lie at the image's root must hide neither each other nor what the base has there.

    No base has a folder or program called `….gguf`, so that is what their names must be like.
    """
    if len({file.name for file in files}) != len(files):
        raise ValueError("two files of an image have the same name, which only fixed dates allow")
    for file in files:
        folders = PurePosixPath(file.path).parts[1:-1]
        if not _is_models(file.name) or (folders and _is_models(folders[0])):
            raise ValueError(
                f"{file.path} might hide something at the image's root, as its name does not end in"
                f" {_MODEL_SUFFIX}, or its folder's does; fixed dates allow it"
            )


def _is_models(name: str) -> bool:
    return name.lower().endswith(_MODEL_SUFFIX)


@dataclass(frozen=True)
class PushedImage:
    """An image that was pushed. `digest` is its manifest's, with `sha256:`."""

    digest: str


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Where a daemon runs builds."""

    id: str
    platforms: Sequence[Platform]
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class BuilderInfo:
    """A daemon that answered."""

    version: str
    workers: Sequence[Worker]


@dataclass(frozen=True, kw_only=True)
class CacheRecord:
    """Something a daemon keeps. `bytes` is 0 while it is being written."""

    id: str
    description: str
    bytes: int
    in_use: bool
    created_at: datetime | None = None
    last_used_at: datetime | None = None
