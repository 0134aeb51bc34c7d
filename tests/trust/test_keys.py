"""Keys as cosign and OpenSSL make them; what is signed with one is verified by its other half alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from airunway.trust.keys import InvalidKey, private_key, sign, signed_by, verification_keys
from airunway.trust.secretbox import BoxNotOpened, open_box
from tests.trust.cosign import Signer

FIXTURES = Path(__file__).parent / "fixtures"
"""A key pair made by OpenSSL and put into its box by libsodium, as cosign does; nobody's, password below."""
PASSWORD = b"correct horse"


def secret(**files: bytes) -> dict[str, bytes]:
    return {name.replace("_", "."): content for name, content in files.items()}


def cosign_key() -> bytes:
    return (FIXTURES / "cosign.key").read_bytes()


def test_the_box_of_the_nacl_paper_is_opened() -> None:
    """Its published example: key, nonce, box and the beginning and end of the content."""
    key = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"
    nonce = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"
    box = (
        "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a"
        "c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae"
        "90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74"
        "e355a5"
    )

    content = open_box(bytes.fromhex(box), key=bytes.fromhex(key), nonce=bytes.fromhex(nonce)).hex()

    assert content.startswith("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc")
    assert content.endswith("937763848645e0705")


def test_a_changed_box_stays_closed() -> None:
    with pytest.raises(BoxNotOpened):
        open_box(bytes(64), key=bytes(32), nonce=bytes(24))


def test_a_key_of_cosigns_signs_what_its_public_half_verifies() -> None:
    key = private_key(secret(cosign_key=cosign_key(), cosign_password=PASSWORD))
    (public,) = verification_keys({"cosign.pub": (FIXTURES / "cosign.pub").read_bytes()})

    found = signed_by(b"text", sign(b"text", key), [public])

    assert found is public


@pytest.mark.parametrize("password", [b"wrong", b""])
def test_a_wrong_password_is_told_without_the_key(password: bytes) -> None:
    with pytest.raises(InvalidKey, match=r"cosign.key cannot be opened with the entry cosign.password"):
        private_key(secret(cosign_key=cosign_key(), cosign_password=password))


def test_a_costly_password_function_is_not_run() -> None:
    body = "".join(cosign_key().decode().splitlines()[1:-1])
    box = json.loads(base64.b64decode(body))
    box["kdf"]["params"]["N"] = 2**30
    label = "ENCRYPTED COSIGN PRIVATE KEY"
    encoded = base64.b64encode(json.dumps(box).encode()).decode()
    text = f"-----BEGIN {label}-----\n{encoded}\n-----END {label}-----"

    with pytest.raises(InvalidKey, match="no private key that can be read"):
        private_key(secret(cosign_key=text.encode(), cosign_password=PASSWORD))


@pytest.mark.parametrize("password", [None, b"secret"])
def test_a_key_in_pem_form_is_taken_too(password: bytes | None) -> None:
    signer = Signer()
    files = secret(cosign_key=signer.private(password), cosign_password=password or b"")

    key = private_key(files)

    assert key.private_numbers() == signer.key.private_numbers()


def test_another_curve_is_refused() -> None:
    signer = Signer(ec.SECP384R1())

    with pytest.raises(InvalidKey, match=r"ECDSA P-256"):
        private_key(secret(cosign_key=signer.private()))
    with pytest.raises(InvalidKey, match=r"a.pub is no ECDSA P-256"):
        verification_keys({"a.pub": signer.public.encode()})


def test_several_keys_in_one_secret_and_in_one_entry_count() -> None:
    one, two, three = Signer(), Signer(), Signer()
    files = {"a.pub": (one.public + two.public).encode(), "b": three.public.encode(), "cosign.key": b"x"}

    keys = verification_keys(files)

    assert [entry.name for entry in keys] == ["a.pub", "a.pub", "b"]
    assert signed_by(b"text", two.sign(b"text"), keys) is keys[1]
    assert signed_by(b"text", Signer().sign(b"text"), keys) is None
    assert signed_by(b"other", two.sign(b"text"), keys) is None
    assert signed_by(b"text", "no base64!", keys) is None


@pytest.mark.parametrize("files", [{}, {"a.pub": b"no key"}, {"a": b"words"}])
def test_without_a_key_nobody_is_trusted(files: dict[str, bytes]) -> None:
    with pytest.raises(InvalidKey):
        verification_keys(files)
