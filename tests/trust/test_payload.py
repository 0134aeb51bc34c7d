"""A signed text counts for the image of just its digest."""

from __future__ import annotations

import json

import pytest

from airunway.clients.registry.signatures import StoredSignature
from airunway.trust.payload import new_payload, payload_problem, signed_text
from tests.trust.cosign import IN_TOTO, payload_of, statement_of

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def test_what_cosign_signs_is_understood() -> None:
    assert payload_problem(StoredSignature(payload_of(DIGEST), ""), DIGEST) == ""
    assert payload_problem(StoredSignature(statement_of(DIGEST), "", IN_TOTO), DIGEST) == ""


def test_what_is_signed_here_has_the_form_of_cosigns() -> None:
    document = json.loads(new_payload(reference="r.io/a", digest=DIGEST))

    assert document["critical"] == {
        "identity": {"docker-reference": "r.io/a"},
        "image": {"docker-manifest-digest": DIGEST},
        "type": "cosign container image signature",
    }


@pytest.mark.parametrize(
    "payload",
    [
        payload_of(OTHER),
        payload_of(DIGEST, type="atomic container signature"),
        payload_of(DIGEST, image={"docker-manifest-digest": [DIGEST]}),
        payload_of(DIGEST, image=DIGEST),
        json.dumps({"image": {"docker-manifest-digest": DIGEST}}).encode(),
        b"[]",
        b"",
        b"[" * 100_000,
        DIGEST.encode(),
    ],
)
def test_anything_else_says_nothing(payload: bytes) -> None:
    assert payload_problem(StoredSignature(payload, ""), DIGEST)


@pytest.mark.parametrize(
    ("payload", "payload_type"),
    [
        pytest.param(statement_of(OTHER), IN_TOTO, id="another image's"),
        pytest.param(statement_of(DIGEST), "", id="not in an envelope"),
        pytest.param(statement_of(DIGEST), "application/json", id="of another type"),
        pytest.param(payload_of(DIGEST), IN_TOTO, id="simple signing in an envelope"),
        pytest.param(
            statement_of(DIGEST, predicateType="https://cyclonedx.org/bom"), IN_TOTO, id="a bill of materials"
        ),
        pytest.param(
            statement_of(DIGEST, predicateType="https://slsa.dev/provenance/v1"), IN_TOTO, id="a provenance"
        ),
        pytest.param(statement_of(DIGEST, _type="x"), IN_TOTO, id="no statement"),
        pytest.param(statement_of(DIGEST, subject=[]), IN_TOTO, id="of nothing"),
        pytest.param(statement_of(DIGEST, subject=DIGEST), IN_TOTO, id="a subject of another shape"),
        pytest.param(
            statement_of(DIGEST, subject=[{"digest": {"sha512": "a" * 64}}]), IN_TOTO, id="another algorithm"
        ),
        pytest.param(b"[]", IN_TOTO, id="no object"),
        pytest.param(b"[" * 100_000, IN_TOTO, id="very deep"),
    ],
)
def test_another_text_in_an_envelope_says_nothing(payload: bytes, payload_type: str) -> None:
    assert payload_problem(StoredSignature(payload, "", payload_type), DIGEST)


def test_one_of_several_subjects_is_enough() -> None:
    subjects = [{"digest": {"sha256": "b" * 64}}, {"digest": {"sha256": "a" * 64}}]

    assert payload_problem(StoredSignature(statement_of(DIGEST, subject=subjects), "", IN_TOTO), DIGEST) == ""


def test_in_an_envelope_the_type_is_signed_as_well() -> None:
    """The example of DSSE's protocol.md."""
    stored = StoredSignature(b"hello world", "", "http://example.com/HelloWorld")

    assert signed_text(stored) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert signed_text(StoredSignature(b"hello world", "")) == b"hello world"
