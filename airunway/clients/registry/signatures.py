"""Signatures of images as cosign keeps them in a registry: found beside an image, and put there.

A manifest whose layers are what was signed, each with its signature as an annotation, under the tag
`sha256-<digest>.sig`; or, of OCI 1.1, among the image's referrers. There cosign 3 keeps Sigstore bundles: a
document that holds the text and its signatures in a DSSE envelope. Only kept and found here: whether a
signature is good is for `airunway.trust` to say. Source: cosign's SIGNATURE_SPEC.md and BUNDLE_SPEC.md.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from airunway.clients.registry.attachments import manifest_at, referrers, tag_about
from airunway.clients.registry.documents import MANIFEST_TYPES, digest_of
from airunway.clients.registry.errors import ImageBroken, ImageNotFound, RegistryDenied, RegistryUnavailable
from airunway.clients.registry.http import RegistryCalls, read_document
from airunway.clients.registry.references import is_digest

SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
"""What a bundle says of an image that is the image's signature, and no bill of materials or the like."""

MAX_SIGNATURES = 32
"""Of one image: each may cost a request. Whoever may push to a repository may put any number there."""
MAX_PAYLOAD_BYTES = 64 * 1024
MAX_BUNDLE_BYTES = 256 * 1024
"""The payload in base64, and what transparency logs and certificates say."""
MAX_REFERRERS = 8
MAX_ENVELOPE_SIGNATURES = 4
_PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"

_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_MAX_BYTES = {PAYLOAD_TYPE: MAX_PAYLOAD_BYTES, BUNDLE_TYPE: MAX_BUNDLE_BYTES}


@dataclass(frozen=True)
class StoredSignature:
    """A text, and somebody's signature of it (base64). Neither is checked.

    `payload_type`: of a text in a DSSE envelope, whose signature is of both; else empty.
    """

    payload: bytes
    signature: str
    payload_type: str = ""


def signature_tag(digest: str) -> str:
    """The tag that the signatures of an image are kept under."""
    return tag_about(digest, ".sig")


async def read_signatures(calls: RegistryCalls, digest: str) -> list[StoredSignature]:
    """The signatures of an image; those that are damaged or too large are left out.

    Raises RegistryUnavailable, RegistryDenied.
    """
    layers = _signed_layers(await manifest_at(calls, signature_tag(digest)))
    try:
        manifests = await _signatures_among_referrers(calls, digest)
        layers += [layer for manifest in manifests for layer in _signed_layers(manifest)]
    except (RegistryUnavailable, RegistryDenied):
        if not layers:  # else it has no such list, and says so in a way of its own
            raise
    read = await asyncio.gather(*(_stored(calls, layer) for layer in layers[:MAX_SIGNATURES]))
    return [entry for entries in read for entry in entries][:MAX_SIGNATURES]


async def add_signature(calls: RegistryCalls, digest: str, added: StoredSignature) -> None:
    """Put a signature to those that are there. Raises RegistryUnavailable, RegistryDenied."""
    there = _signed_layers(await manifest_at(calls, signature_tag(digest)))
    layers = [*(layer for layer in there if layer["mediaType"] == PAYLOAD_TYPE), _layer(added)]
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


async def _signatures_among_referrers(calls: RegistryCalls, digest: str) -> list[Mapping[str, Any]]:
    """The manifests of signatures that say which image they are of (OCI 1.1)."""
    entries = await referrers(calls, digest)
    named = [str(entry["digest"]) for entry in entries if _may_be_signature(entry)][:MAX_REFERRERS]
    return [await manifest_at(calls, name) for name in named]


def _may_be_signature(entry: Mapping[str, Any]) -> bool:
    """Whether it is worth a request: what says that it is something else, as attestations do, is not."""
    annotations = entry.get("annotations")
    said = annotations.get(_PREDICATE_ANNOTATION) if isinstance(annotations, Mapping) else None
    if entry.get("artifactType") == BUNDLE_TYPE:
        return said in (None, SIGN_PREDICATE)
    return entry.get("artifactType") == ARTIFACT_TYPE


def _signed_layers(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layers of a manifest that are signed texts, in the shape that they have to have."""
    layers = manifest.get("layers")
    return [layer for layer in (layers if isinstance(layers, list) else []) if _is_signed(layer)]


def _is_signed(layer: Any) -> bool:
    if not isinstance(layer, Mapping) or layer.get("mediaType") not in _MAX_BYTES:
        return False
    annotations, size = layer.get("annotations"), layer.get("size")
    signed = isinstance(annotations, Mapping) and isinstance(annotations.get(SIGNATURE_ANNOTATION), str)
    return (
        (signed or layer["mediaType"] == BUNDLE_TYPE)
        and isinstance(size, int)
        and 0 < size <= _MAX_BYTES[layer["mediaType"]]
        and is_digest(str(layer.get("digest")))
    )


async def _stored(calls: RegistryCalls, layer: Mapping[str, Any]) -> list[StoredSignature]:
    """What a layer holds; nothing when it is damaged."""
    limit = _MAX_BYTES[layer["mediaType"]]
    try:
        _, content = await calls.fetch("GET", calls.blob(layer["digest"]), limit=limit)
    except ImageNotFound:
        return []
    if digest_of(content) != layer["digest"]:
        return []
    if layer["mediaType"] == BUNDLE_TYPE:
        return await _in_bundle(content)
    return [StoredSignature(content, layer["annotations"][SIGNATURE_ANNOTATION])]


async def _in_bundle(content: bytes) -> list[StoredSignature]:
    """The signed text of a bundle, once for each of its signatures. Source: sigstore_bundle.proto as JSON."""
    try:
        envelope = (await read_document(content))["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        payload_type, signatures = str(envelope["payloadType"]), envelope["signatures"]
        texts = [str(entry["sig"]) for entry in signatures[:MAX_ENVELOPE_SIGNATURES]]
    except (binascii.Error, ValueError, LookupError, TypeError, RecursionError):
        return []
    if not payload_type or not payload_type.isascii() or len(payload) > MAX_PAYLOAD_BYTES:
        return []
    return [StoredSignature(payload, text, payload_type) for text in texts]


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
