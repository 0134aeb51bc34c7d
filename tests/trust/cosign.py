"""What `cosign sign` leaves in a registry, made by the documented format and by nothing of the product.

Source: cosign's SIGNATURE_SPEC.md, and the manifests that it pushes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Signer:
    """Somebody with a key pair."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.key = ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def public(self) -> str:
        """PEM, as in `cosign.pub`."""
        return (
            self.key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def private(self, password: bytes | None = None) -> bytes:
        """PEM in PKCS#8."""
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)

    def verify(self, payload: bytes, signature: str) -> None:
        """Raises InvalidSignature."""
        self.key.public_key().verify(base64.b64decode(signature), payload, ec.ECDSA(hashes.SHA256()))

    def sign(self, payload: bytes) -> str:
        return base64.b64encode(self.key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()


def payload_of(digest: str, **changed: Any) -> bytes:
    """What is signed of an image; keyword arguments are laid over its critical part."""
    critical = {
        "identity": {"docker-reference": "registry.example.com/team/model"},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    } | changed
    return json.dumps({"critical": critical, "optional": {"creator": "somebody"}}).encode()


def statement_of(digest: str, **changed: Any) -> bytes:
    """What cosign 3 signs of an image; keyword arguments are laid over it."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.partition(":")[2]}, "annotations": {}}],
        "predicateType": SIGN,
        "predicate": {},
    } | changed
    return json.dumps(statement).encode()


def bundle_of(payload: bytes, signer: Signer, /, *, payload_type: str = IN_TOTO, **envelope: Any) -> bytes:
    """A bundle with a signature by a key, as cosign 3 makes it; keyword arguments change its envelope."""
    signed = b" ".join(
        [
            b"DSSEv1",
            str(len(payload_type.encode())).encode(),
            payload_type.encode(),
            str(len(payload)).encode(),
            payload,
        ]
    )
    document = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "a key"}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"sig": signer.sign(signed)}],
        }
        | envelope,
    }
    return json.dumps(document).encode()


def bundle_layer(bundle: bytes) -> dict[str, Any]:
    return {"mediaType": BUNDLE, "size": len(bundle), "digest": sha256(bundle)}


async def push_bundles(host: str, repository: str, digest: str, *bundles: bytes) -> None:
    """Push bundles as referrers of an image, to a registry that keeps no list of them (OCI 1.1, fallback)."""
    entries = []
    for bundle in bundles:
        manifest = manifest_of(bundle_layer(bundle), artifactType=BUNDLE, subject={"digest": digest})
        body = json.dumps(manifest).encode()
        await push(
            host, repository, tag=f"bundle-{sha256(body)[7:19]}", manifest=manifest, blobs=[b"{}", bundle]
        )
        entries.append(
            {"mediaType": MANIFEST, "digest": sha256(body), "size": len(body), "artifactType": BUNDLE}
        )
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    await push(host, repository, tag=digest.replace(":", "-"), manifest=index, blobs=[])


def layer_of(payload: bytes, signature: str, **changed: Any) -> dict[str, Any]:
    return {
        "mediaType": SIMPLE_SIGNING,
        "size": len(payload),
        "digest": sha256(payload),
        "annotations": {SIGNATURE: signature},
    } | changed


def manifest_of(*layers: dict[str, Any], **changed: Any) -> dict[str, Any]:
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": sha256(b"{}")}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": list(layers)} | changed


def tag_of(digest: str) -> str:
    return digest.replace(":", "-") + ".sig"


async def push_image(host: str, repository: str, *, tag: str, **config: Any) -> str:
    """Push an image without layers; answers its digest."""
    content = json.dumps({"architecture": "amd64", "os": "linux", **config}).encode()
    manifest = manifest_of() | {
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": len(content),
            "digest": sha256(content),
        }
    }
    await push(host, repository, tag=tag, manifest=manifest, blobs=[content])
    return sha256(json.dumps(manifest).encode())


async def push_signatures(host: str, repository: str, digest: str, *signed: tuple[bytes, str]) -> None:
    """Push texts with their signatures, as `cosign sign` does."""
    layers = [layer_of(payload, signature) for payload, signature in signed]
    blobs = [b"{}", *(payload for payload, _ in signed)]
    await push(host, repository, tag=tag_of(digest), manifest=manifest_of(*layers), blobs=blobs)


async def push(host: str, repository: str, *, tag: str, manifest: dict[str, Any], blobs: list[bytes]) -> None:
    """Push blobs, then a manifest."""
    base = f"http://{host}/v2/{repository}"
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for blob in blobs:
            async with session.post(f"{base}/blobs/uploads/") as begun:
                where = begun.url.join(URL(begun.headers["Location"])).update_query(digest=sha256(blob))
            async with session.put(where, data=blob):
                pass
        body = json.dumps(manifest).encode()
        headers = {"Content-Type": manifest.get("mediaType", MANIFEST)}
        async with session.put(f"{base}/manifests/{tag}", data=body, headers=headers):
            pass
