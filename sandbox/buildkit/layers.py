"""Layers, image configs and manifests of pretend builds. Pure, and the same for the same input."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sandbox.pushed_images import digest_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Base:
    """What lies below: layers as its manifest names them, and their hashes when unpacked."""

    descriptors: Sequence[Mapping[str, Any]] = ()
    diff_ids: Sequence[str] = ()


@dataclass(frozen=True)
class Image:
    """Everything a push sends. `blobs` hold config and layers of our own."""

    manifest: bytes
    config: bytes
    blobs: Sequence[bytes]


def layer_of(path: str, content: bytes) -> bytes:
    """An uncompressed layer with one file, dated 1970, and the folders above it."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in reversed(PurePosixPath(path.lstrip("/")).parents[:-1]):
            entry = tarfile.TarInfo(f"{folder}/")
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
    return output.getvalue()


def image_of(config: Mapping[str, Any], base: Base, layers: Sequence[bytes]) -> Image:
    """Put an image together."""
    diff_ids = [*base.diff_ids, *(digest_of(layer) for layer in layers)]
    own_config = _json({**config, "rootfs": {"type": "layers", "diff_ids": diff_ids}})
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, own_config),
        "layers": [*base.descriptors, *(_descriptor(LAYER, layer) for layer in layers)],
    }
    return Image(_json(manifest), own_config, [own_config, *layers])


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
