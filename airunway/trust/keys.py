"""Public and private keys for signatures (ECDSA P-256), also as cosign keeps them. Pure.

What reads keys is imported when it is needed: 6 MiB that a worker without such a policy never uses.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airunway.trust.secretbox import KEY_BYTES, BoxNotOpened, open_box

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

PRIVATE_KEY, PASSWORD, PUBLIC_KEY = "cosign.key", "cosign.password", "cosign.pub"
"""Keys of the Secret that `cosign generate-key-pair k8s://namespace/name` makes."""

MAX_KEY_BYTES = 64 * 1024
MAX_PUBLIC_KEYS = 32
MAX_KDF_COST = 2**20
"""Of scrypt, N times r: 128 MiB. cosign takes a quarter of it."""

_COSIGN_LABELS = ("ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY")
_HOW = "make one with `cosign generate-key-pair` or `openssl ecparam -name prime256v1 -genkey -noout`"


class InvalidKey(ValueError):
    """A key cannot be used; the message never holds any of it."""


@dataclass(frozen=True)
class VerificationKey:
    """A public key, and what messages call it."""

    name: str
    key: EllipticCurvePublicKey

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, as 64 hex digits."""
        from cryptography.hazmat.primitives import serialization

        der = self.key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(der).hexdigest()


def verification_keys(files: Mapping[str, bytes]) -> list[VerificationKey]:
    """The public keys among the entries of a Secret or ConfigMap; private ones are left alone.

    Raises InvalidKey when there is none, or one is of another kind.
    """
    found = []
    for name, content in sorted(files.items()):
        if b"-----BEGIN PUBLIC KEY-----" not in content:
            if name.endswith((".pub", ".pem")):
                raise InvalidKey(f"its entry {name} is no public key in PEM form")
            continue
        found += _public_keys(name, content)
    if not found:
        raise InvalidKey("it holds no public key in PEM form (-----BEGIN PUBLIC KEY-----)")
    if len(found) > MAX_PUBLIC_KEYS:
        raise InvalidKey(f"it holds {len(found)} public keys; at most {MAX_PUBLIC_KEYS} are read")
    return found


def _public_keys(name: str, content: bytes) -> list[VerificationKey]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if len(content) > MAX_KEY_BYTES:
        raise InvalidKey(f"its entry {name} is too long for public keys")
    end = b"-----END PUBLIC KEY-----"
    blocks = [part + end for part in content.split(end) if b"-----BEGIN PUBLIC KEY-----" in part]
    keys = []
    for block in blocks:
        try:
            key = load_pem_public_key(block)
        except Exception as err:  # the library has several for one thing
            raise InvalidKey(f"its entry {name} is no public key that can be read") from err
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise InvalidKey(f"its entry {name} is no ECDSA P-256 key; {_HOW}")
        keys.append(VerificationKey(name, key))
    return keys


def signed_by(payload: bytes, signature: str, keys: list[VerificationKey]) -> VerificationKey | None:
    """The key that a signature (base64 of DER) of a text is by; None: none of these."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    for entry in keys:
        try:
            entry.key.verify(raw, payload, ec.ECDSA(SHA256()))
        except InvalidSignature:
            continue
        return entry
    return None


def sign(payload: bytes, key: EllipticCurvePrivateKey) -> str:
    """A signature of a text, as base64 of DER."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    return base64.b64encode(key.sign(payload, ec.ECDSA(SHA256()))).decode()


def private_key(files: Mapping[str, bytes]) -> EllipticCurvePrivateKey:
    """The key in a Secret as cosign makes it, or in PEM form; with its password. Takes a tenth of a second.

    Raises InvalidKey.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    content, password = files.get(PRIVATE_KEY, b""), files.get(PASSWORD)
    if not content or len(content) > MAX_KEY_BYTES:
        raise InvalidKey(f"it has no entry {PRIVATE_KEY} with a private key; {_HOW}")
    try:
        box = _cosign_box(content)
        if box is not None:
            key: Any = load_der_private_key(_opened(box, password or b""), None)
        else:
            key = load_pem_private_key(content, password or None)
    except BoxNotOpened as err:
        raise InvalidKey(f"its entry {PRIVATE_KEY} cannot be opened with the entry {PASSWORD}") from err
    except Exception as err:  # without its words, which could hold some of the key
        raise InvalidKey(
            f"its entry {PRIVATE_KEY} is no private key that can be read: {type(err).__name__}"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidKey(f"its entry {PRIVATE_KEY} is no ECDSA P-256 key; {_HOW}")
    return key


def _cosign_box(content: bytes) -> Mapping[str, Any] | None:
    """What stands in an encrypted key of cosign's; None when it is none of those."""
    text = content.decode("ascii").strip()
    for label in _COSIGN_LABELS:
        begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
        if text.startswith(begin) and text.endswith(end):
            body = "".join(text.removeprefix(begin).removesuffix(end).split())
            document = json.loads(base64.b64decode(body, validate=True))
            return document if isinstance(document, dict) else {}
    return None


def _opened(box: Mapping[str, Any], password: bytes) -> bytes:
    kdf, cipher = box["kdf"], box["cipher"]
    if kdf["name"] != "scrypt" or cipher["name"] != "nacl/secretbox":
        raise ValueError("another cipher")
    cost, block, parallel = (int(kdf["params"][name]) for name in ("N", "r", "p"))
    if cost * block * parallel > MAX_KDF_COST:
        raise ValueError("a costly password function")
    key = hashlib.scrypt(
        password,
        salt=base64.b64decode(kdf["salt"]),
        n=cost,
        r=block,
        p=parallel,
        maxmem=256 * 1024 * 1024,
        dklen=KEY_BYTES,
    )
    nonce, content = base64.b64decode(cipher["nonce"]), base64.b64decode(box["ciphertext"])
    return open_box(content, key=key, nonce=nonce)
