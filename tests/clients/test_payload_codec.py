"""Payloads are unreadable without their key, and say which one they need."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from airunway.clients.payload_codec import (
    DamagedPayload,
    EncryptionCodec,
    EncryptionKeys,
    InvalidKeys,
    UnknownKey,
)

SECRET = Payload(metadata={"encoding": b"json/plain"}, data=b'{"token": "hf_secret"}')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys = tmp_path / "keys"
    keys.mkdir()
    return keys


def add_key(folder: Path, name: str, content: bytes | None = None) -> None:
    (folder / name).write_bytes(os.urandom(32) if content is None else content)


async def test_what_leaves_shows_nothing_of_the_payload(folder: Path) -> None:
    add_key(folder, "k1")
    codec = EncryptionCodec(EncryptionKeys(folder))

    first, second = await codec.encode([SECRET, SECRET])

    assert b"hf_secret" not in first.SerializeToString()
    assert b"json" not in first.SerializeToString(), "not even its encoding"
    assert first.data != second.data, "the same value twice cannot be told to be the same"
    assert await codec.decode([first, second]) == [SECRET, SECRET]


async def test_rotation_one_key_encrypts_and_all_decrypt(folder: Path) -> None:
    add_key(folder, "2025")
    old = EncryptionCodec(EncryptionKeys(folder))
    written_before = await old.encode([SECRET])
    add_key(folder, "2026")

    new = EncryptionCodec(EncryptionKeys(folder, "2026"))
    written_after = await new.encode([SECRET])

    assert written_after[0].metadata["encryption-key-id"] == b"2026"
    assert await new.decode(written_before) == [SECRET]
    assert await old.decode(written_after) == [SECRET], (
        "a process that still runs finds the key that was added"
    )


async def test_what_was_written_before_encryption_stays_readable(folder: Path) -> None:
    add_key(folder, "k1")

    assert await EncryptionCodec(EncryptionKeys(folder)).decode([SECRET]) == [SECRET]


async def test_an_unknown_key_is_named(folder: Path, tmp_path: Path) -> None:
    add_key(folder, "removed")
    written = await EncryptionCodec(EncryptionKeys(folder)).encode([SECRET])
    (folder / "removed").unlink()
    add_key(folder, "k2")
    codec = EncryptionCodec(EncryptionKeys(folder))

    with pytest.raises(UnknownKey, match=r"key 'removed', which is not in .*keys \(there are: k2\)"):
        await codec.decode(written)


async def test_another_key_of_the_same_name_is_told_apart_from_an_unknown_one(folder: Path) -> None:
    add_key(folder, "k1")
    written = await EncryptionCodec(EncryptionKeys(folder)).encode([SECRET])
    add_key(folder, "k1")

    with pytest.raises(DamagedPayload, match="with key 'k1'"):
        await EncryptionCodec(EncryptionKeys(folder)).decode(written)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "\udcff", "k" * 5000])
async def test_a_key_id_is_never_made_a_path(folder: Path, name: str) -> None:
    add_key(folder, "k1")
    metadata = {"encoding": b"binary/encrypted", "encryption-key-id": name.encode(errors="surrogateescape")}
    forged = Payload(metadata=metadata, data=b"short")

    with pytest.raises(UnknownKey) as caught:
        await EncryptionCodec(EncryptionKeys(folder)).decode([forged])

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("data", [b"", b"123456789012", bytes(range(64))], ids=len)
async def test_a_forged_payload_is_refused(folder: Path, data: bytes) -> None:
    add_key(folder, "k1")
    forged = Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"k1"}, data=data)

    with pytest.raises(DamagedPayload):
        await EncryptionCodec(EncryptionKeys(folder)).decode([forged])


async def test_a_payload_cannot_be_moved_to_another_key_id(folder: Path) -> None:
    key = os.urandom(32)
    add_key(folder, "a", key)
    add_key(folder, "b", key)
    codec = EncryptionCodec(EncryptionKeys(folder, "a"))
    (written,) = await codec.encode([SECRET])
    written.metadata["encryption-key-id"] = b"b"

    with pytest.raises(DamagedPayload):
        await codec.decode([written])


@pytest.mark.parametrize("form", ["raw", "base64", "hex"])
async def test_a_key_may_be_written_in_three_ways(folder: Path, form: str) -> None:
    key = bytes(range(32))
    text = {"raw": key, "base64": base64.b64encode(key) + b"\n", "hex": key.hex().encode() + b"\n"}[form]
    add_key(folder, "written", text)
    (folder / "..data").mkdir()  # as a mounted Secret has it

    written = await EncryptionCodec(EncryptionKeys(folder)).encode([SECRET])

    add_key(folder, "written", key)
    assert await EncryptionCodec(EncryptionKeys(folder)).decode(written) == [SECRET]


@pytest.mark.parametrize(
    ("keys", "encrypting", "said"),
    [
        ({}, None, "holds no key"),
        ({"k1": b"too short"}, None, "k1 is no key: 32 bytes"),
        (
            {"k1": b"a" * 32, "k2": b"b" * 32},
            None,
            r"several keys \(k1, k2\): AIRUNWAY_TEMPORAL_ENCRYPTION_KEY",
        ),
        ({"k1": b"a" * 32}, "k3", "'k3', is not in .*; there are: k1"),
        ({"k 1": b"a" * 32}, None, "a key's name has letters"),
    ],
)
def test_keys_that_cannot_be_used(
    folder: Path, keys: dict[str, bytes], encrypting: str | None, said: str
) -> None:
    for name, content in keys.items():
        add_key(folder, name, content)

    with pytest.raises(InvalidKeys, match=said) as caught:
        EncryptionKeys(folder, encrypting)

    assert "too short" not in str(caught.value), "no content of a key is shown"


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidKeys, match="cannot be read"):
        EncryptionKeys(tmp_path / "absent")
