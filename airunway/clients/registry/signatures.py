"""Signatures of images as cosign keeps them in a registry: found beside an image, and put there.

A manifest whose layers are what was signed, each with its signature as an annotation, under the tag
`sha256-<digest>.sig`; or, of OCI 1.1, among the image's referrers. Only kept and found here: whether a
signature is good is for `airunway.trust` to say. Source: cosign's SIGNATURE_SPEC.md.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from airunway.clients.registry.documents import MANIFEST_TYPES, digest_of
from airunway.clients.registry.errors import ImageBroken, ImageNotFound, RegistryDenied, RegistryUnavailable
from airunway.clients.registry.http import RegistryCalls
from airunway.clients.registry.references import is_digest

SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"

MAX_SIGNATURES = 32
"""Of one image: each may cost a request. Whoever may push to a repository may put any number there."""
MAX_PAYLOAD_BYTES = 64 * 1024
MAX_REFERRERS = 8

_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class StoredSignature:
    """A text, and somebody's signature of it (base64). Neither is checked."""

    payload: bytes
    signature: str


def signature_tag(digest: str) -> str:
    """The tag that the signatures of an image are kept under."""
    return f"{digest.replace(':', '-')}.sig"


async def read_signatures(calls: RegistryCalls, digest: str) -> list[StoredSignature]:
    """The signatures of an image; those that are damaged or too large are left out.

    Raises RegistryUnavailable, RegistryDenied.
    """
    layers = _signed_layers(await _manifest(calls, signature_tag(digest)))
    try:
        layers += [layer for entry in await _referrers(calls, digest) for layer in _signed_layers(entry)]
    except (RegistryUnavailable, RegistryDenied):
        if not layers:  # else it has no such list, and says so in a way of its own
            raise
    read = await asyncio.gather(*(_stored(calls, layer) for layer in layers[:MAX_SIGNATURES]))
    return [entry for entry in read if entry is not None]


async def add_signature(calls: RegistryCalls, digest: str, added: StoredSignature) -> None:
    """Put a signature to those that are there. Raises RegistryUnavailable, RegistryDenied."""
    there = await _manifest(calls, signature_tag(digest))
    layers = [*_signed_layers(there), _layer(added)]
    config = _json(
        {
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": [{"created": "0001-01-01T00:00:00Z"} for _ in layers],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPES[0],
        "config": {"mediaType": _CONFIG_TYPE, "size": len(config), "digest": digest_of(config)},
        "layers": layers,
    }
    await _upload(calls, added.payload)
    await _upload(calls, config)
    await calls.fetch(
        "PUT", calls.manifest(signature_tag(digest)), body=_json(manifest), content_type=MANIFEST_TYPES[0]
    )


async def _manifest(calls: RegistryCalls, version: str) -> Mapping[str, Any]:
    """A manifest; empty when there is none that can be read."""
    try:
        return await calls.json(calls.manifest(version))
    except (ImageNotFound, ValueError, RecursionError):
        return {}


async def _referrers(calls: RegistryCalls, digest: str) -> list[Mapping[str, Any]]:
    """The manifests of signatures that say which image they are of (OCI 1.1); few registries have them."""
    try:
        index = await calls.json(calls.referrers(digest))
    except (ImageNotFound, ValueError, RecursionError):
        return []
    entries = index.get("manifests")
    named = [
        str(entry["digest"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and entry.get("artifactType") == ARTIFACT_TYPE and "digest" in entry
    ]
    found = [name for name in named if is_digest(name)][:MAX_REFERRERS]
    return [await _manifest(calls, name) for name in found]


def _signed_layers(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layers of a manifest that are signed texts, in the shape that they have to have."""
    layers = manifest.get("layers")
    return [layer for layer in (layers if isinstance(layers, list) else []) if _is_signed(layer)]


def _is_signed(layer: Any) -> bool:
    if not isinstance(layer, Mapping) or layer.get("mediaType") != PAYLOAD_TYPE:
        return False
    annotations, size = layer.get("annotations"), layer.get("size")
    return (
        isinstance(annotations, Mapping)
        and isinstance(annotations.get(SIGNATURE_ANNOTATION), str)
        and isinstance(size, int)
        and 0 < size <= MAX_PAYLOAD_BYTES
        and is_digest(str(layer.get("digest")))
    )


async def _stored(calls: RegistryCalls, layer: Mapping[str, Any]) -> StoredSignature | None:
    try:
        _, payload = await calls.fetch("GET", calls.blob(layer["digest"]), limit=MAX_PAYLOAD_BYTES)
    except ImageNotFound:
        return None
    if digest_of(payload) != layer["digest"]:
        return None
    return StoredSignature(payload, layer["annotations"][SIGNATURE_ANNOTATION])


def _layer(added: StoredSignature) -> dict[str, Any]:
    return {
        "mediaType": PAYLOAD_TYPE,
        "size": len(added.payload),
        "digest": digest_of(added.payload),
        "annotations": {SIGNATURE_ANNOTATION: added.signature},
    }


async def _upload(calls: RegistryCalls, content: bytes) -> None:
    """Keep a blob. Raises RegistryUnavailable when the registry does not say where to put it."""
    response, _ = await calls.fetch("POST", calls.uploads())
    location = response.headers.get("Location")
    if not location:
        raise RegistryUnavailable(f"{response.url.host} does not say where an upload goes")
    where = response.url.join(URL(location)).update_query(digest=digest_of(content))
    if where.origin() != response.url.origin():
        raise ImageBroken(f"{response.url.host} sends an upload to {where.host}")
    await calls.fetch("PUT", where, body=content, content_type="application/octet-stream")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
