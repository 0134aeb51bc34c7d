"""What was pushed to a pretend registry: blobs by digest, manifests by repository and tag.

Apart from `registry`, which is only HTTP. With a folder the images are there again after a restart.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path


class PushedImages:
    """Everything is held in memory as well: what a sandbox pushes is small."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self._references: dict[str, dict[str, str]] = {}

    def load(self) -> None:
        """Take in what an earlier run left in the folder."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in self._folder.glob("sha256-*"):
            content = file.read_bytes()
            if file.name == _file_name(digest_of(content)):  # not one that was cut off
                self.blobs[digest_of(content)] = content
        index = self._folder / "references.json"
        if index.exists():
            self._references = json.loads(index.read_text())

    def begin(self) -> str:
        """Begin an upload; answers its id."""
        upload = uuid.uuid4().hex
        self.uploads[upload] = bytearray()
        return upload

    def keep(self, content: bytes) -> None:
        """Keep a blob."""
        self.blobs[digest_of(content)] = content
        if self._folder is not None:
            (self._folder / _file_name(digest_of(content))).write_bytes(content)

    def tag(self, repository: str, reference: str, manifest: bytes) -> None:
        """Keep a manifest under its digest and this reference."""
        self.keep(manifest)
        references = self._references.setdefault(repository, {})
        references |= {reference: digest_of(manifest), digest_of(manifest): digest_of(manifest)}
        self._save()

    def manifest(self, repository: str, tag: str) -> bytes | None:
        """What a tag points to; None if it was not pushed."""
        return self.blobs.get(self._references.get(repository, {}).get(tag, ""))

    def tags(self, repository: str) -> Sequence[str]:
        """Pushed tags of a repository."""
        return [name for name in self._references.get(repository, {}) if ":" not in name]

    def remove(self, repository: str, reference: str) -> bool:
        """Remove a tag; by digest also all tags of that image. Whether there was one."""
        references = self._references.get(repository, {})
        gone = [name for name, digest in references.items() if reference in (name, digest)]
        for name in gone:
            digest = references.pop(name)
            if ":" in name:
                self.blobs.pop(digest, None)
        self._save()
        return bool(gone)

    def _save(self) -> None:
        if self._folder is not None:
            unfinished = self._folder / ".references.json"
            unfinished.write_text(json.dumps(self._references))
            os.replace(unfinished, self._folder / "references.json")


def digest_of(content: bytes | bytearray) -> str:
    """Digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def basic_auth(user: str, password: str) -> str:
    """A login as the Authorization header says it."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _file_name(digest: str) -> str:
    return digest.replace(":", "-")
