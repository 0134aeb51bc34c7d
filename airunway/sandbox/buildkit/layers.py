"""Layers, image configs and manifests of pretend builds. Pure, and the same for the same input."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.sandbox.buildkit.files import Files
from airunway.sandbox.pushed_images import digest_of

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


def layer_of(files: Files) -> bytes:
    """An uncompressed layer with these files, in order of their paths."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, found in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mtime, entry.mode = found.date, found.mode
            if found.is_folder:
                entry.type = tarfile.DIRTYPE
            elif found.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, found.link
            content = found.content or b""
            entry.size = len(content)
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
