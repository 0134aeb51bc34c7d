"""Payloads encrypted before they leave the process, so that Temporal and its operators cannot read them.

AES-256-GCM. A payload says which key it needs, so keys are rotated one after the other: add the new one
everywhere, let it encrypt, and remove the old one when no history that is kept needs it any more. What is
encrypted in a workflow's history: inputs, results, signals, updates, queries, failures, summaries, details.
What never is: ids, types, task queues, search attributes.

    PayloadKeyError
    ├── InvalidKeys       the folder holds nothing that can be used
    ├── UnknownKey        a payload needs a key that is not here
    └── DamagedPayload    the key with that id is another one, or the payload was changed
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

KEY_BYTES, NONCE_BYTES = 32, 12
ENCODING, KEY_ID, WHY = "encoding", "encryption-key-id", "why-it-is-unreadable"
ENCRYPTED = b"binary/encrypted"
KEY_ID_FORM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")


class PayloadKeyError(RuntimeError):
    """Something is wrong with the keys for payloads. Messages name keys by id, never by content."""


class InvalidKeys(PayloadKeyError):
    """The folder of keys cannot be used."""


class UnknownKey(PayloadKeyError):
    """A payload was encrypted with a key that is not here."""


class DamagedPayload(PayloadKeyError):
    """A payload cannot be decrypted with the key it names."""


class EncryptionKeys:
    """The keys of a folder: a file's name is the key's id. One encrypts, all decrypt.

    The folder is read again when a payload names a key that is not known, so that adding one needs no
    restart. Which one encrypts stays as it was at the start.
    """

    def __init__(self, folder: Path, encrypting: str | None = None) -> None:
        """Raises InvalidKeys. `encrypting` None: the only key there is."""
        self._folder = folder
        self._keys = _read(folder)
        if encrypting is None and len(self._keys) > 1:
            raise InvalidKeys(
                f"{folder} holds several keys ({_names(self._keys)}): AIRUNWAY_TEMPORAL_ENCRYPTION_KEY must "
                "say which one encrypts"
            )
        self.encrypting = next(iter(self._keys)) if encrypting is None else encrypting
        if self.encrypting not in self._keys:
            raise InvalidKeys(
                f"the key that encrypts, {self.encrypting!r}, is not in {folder}; there are: "
                f"{_names(self._keys)}"
            )

    def cipher(self, key_id: str) -> AESGCM:
        """The cipher of a key. Raises UnknownKey."""
        # A name from a payload is only ever compared with the names in the folder, never made a path.
        if key_id not in self._keys:
            self._keys.update(_read(self._folder))
        if key_id not in self._keys:
            raise UnknownKey(
                f"a payload is encrypted with key {key_id[:64]!r}, which is not in {self._folder} "
                f"(there are: {_names(self._keys)}); put it there again"
            )
        return self._keys[key_id]


class EncryptionCodec(PayloadCodec):
    """Encrypts every payload. What was written before there were keys stays readable."""

    def __init__(self, keys: EncryptionKeys, *, leaves_unreadable: bool = False) -> None:
        """`leaves_unreadable`: what cannot be decrypted stays as it is, for the converter to refuse.

        A worker would otherwise fail a whole task for one payload, and again with each attempt.
        """
        self._keys, self._leaves_unreadable = keys, leaves_unreadable

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt, each with a nonce of its own."""
        key_id = self._keys.encrypting
        cipher, label = self._keys.cipher(key_id), key_id.encode()
        return [_encrypt(payload, cipher, label) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what is encrypted. Raises UnknownKey or DamagedPayload, unless it leaves such payloads."""
        return [self._decrypt_or_leave(payload) for payload in payloads]

    def _decrypt_or_leave(self, payload: Payload) -> Payload:
        try:
            return self._decrypt(payload)
        except PayloadKeyError as err:
            if not self._leaves_unreadable:
                raise
            left = Payload(metadata=payload.metadata, data=payload.data)
            left.metadata[WHY] = str(err).encode()
            return left

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get(ENCODING) != ENCRYPTED:
            return payload
        label = payload.metadata.get(KEY_ID, b"")
        key_id = label.decode(errors="replace")
        nonce, encrypted = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        cipher = self._keys.cipher(key_id)
        try:
            return Payload.FromString(cipher.decrypt(nonce, encrypted, label))
        except (InvalidTag, ValueError) as err:
            raise DamagedPayload(
                f"a payload cannot be decrypted with key {key_id!r}: the key here is another one of that "
                "name, or the payload was changed"
            ) from err


def _encrypt(payload: Payload, cipher: AESGCM, label: bytes) -> Payload:
    nonce = os.urandom(NONCE_BYTES)
    data = nonce + cipher.encrypt(nonce, payload.SerializeToString(), label)
    return Payload(metadata={ENCODING: ENCRYPTED, KEY_ID: label}, data=data)


def _read(folder: Path) -> dict[str, AESGCM]:
    try:
        # Mounted Secrets hold hidden folders beside the files.
        files = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
        keys = {file.name: AESGCM(_key(file)) for file in files if file.is_file()}
    except OSError as err:
        raise InvalidKeys(f"the keys for payloads cannot be read: {err}") from err
    if not keys:
        raise InvalidKeys(f"{folder} holds no key for payloads; make one: openssl rand -base64 32")
    return keys


def _key(file: Path) -> bytes:
    if not KEY_ID_FORM.fullmatch(file.name):
        raise InvalidKeys(f"{file}: a key's name has letters, digits, `.`, `_` and `-`, at most 63 of them")
    content = file.read_bytes()
    if len(content) == KEY_BYTES:
        return content
    text = content.strip()
    for decode in (bytes.fromhex, lambda word: base64.b64decode(word, validate=True)):
        try:
            key = decode(text.decode("ascii"))
        except (ValueError, binascii.Error):
            continue
        if len(key) == KEY_BYTES:
            return key
    raise InvalidKeys(f"{file} is no key: 32 bytes are needed, raw, as base64 or as hex")


def _names(keys: dict[str, AESGCM]) -> str:
    return ", ".join(keys)
