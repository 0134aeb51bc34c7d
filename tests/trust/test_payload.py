"""A signed text counts for the image of just its digest."""

from __future__ import annotations

import json

import pytest

from airunway.trust.payload import new_payload, payload_problem
from tests.trust.cosign import payload_of

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def test_what_cosign_signs_is_understood() -> None:
    assert payload_problem(payload_of(DIGEST), DIGEST) == ""


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
    assert payload_problem(payload, DIGEST)
