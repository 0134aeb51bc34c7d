"""What is signed of an image, and whether a signed text is about the image at hand. Pure.

There are two kinds: simple signing, which is signed as it is, and the statement of in-toto in a DSSE
envelope, which is signed with its type. Of neither a name is compared: the digest is the image, wherever it
is kept. Sources: cosign's SIGNATURE_SPEC.md; DSSE's protocol.md (PAE); in-toto's Statement v1.
"""

from __future__ import annotations

import json
from typing import Any

from airunway.clients.registry.signatures import SIGN_PREDICATE, StoredSignature

STATEMENT_TYPE = "application/vnd.in-toto+json"
STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
MAX_SUBJECTS = 1024

SIGNATURE_TYPE = "cosign container image signature"


def new_payload(*, reference: str, digest: str) -> bytes:
    """The text to sign for an image. `reference`: registry and repository."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": SIGNATURE_TYPE,
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def signed_text(stored: StoredSignature) -> bytes:
    """What the signature is of."""
    if not stored.payload_type:
        return stored.payload
    kind = stored.payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(stored.payload), stored.payload)


def payload_problem(stored: StoredSignature, digest: str) -> str:
    """Why a signed text says nothing good of an image; empty when it is about just this one."""
    try:
        document = json.loads(stored.payload)
    except (ValueError, RecursionError):
        return "what was signed is no JSON"
    if stored.payload_type == STATEMENT_TYPE:
        return _statement_problem(document, digest)
    if stored.payload_type:
        return "what was signed is no image signature"
    critical = _section(document, "critical")
    if critical.get("type") != SIGNATURE_TYPE:
        return "what was signed is no image signature"
    signed = _section(critical, "image").get("docker-manifest-digest")
    return "" if signed == digest else "it was signed for another digest"


def _statement_problem(document: Any, digest: str) -> str:
    """An attestation by the same key, as of what an image holds, is no signature of the image."""
    statement = document if isinstance(document, dict) else {}
    if statement.get("_type") not in STATEMENTS or statement.get("predicateType") != SIGN_PREDICATE:
        return "what was signed is no image signature"
    subjects = statement.get("subject")
    for subject in subjects[:MAX_SUBJECTS] if isinstance(subjects, list) else []:
        algorithm, _, hexadecimal = digest.partition(":")
        if _section(subject, "digest").get(algorithm) == hexadecimal:
            return ""
    return "it was signed for another digest"


def _section(document: Any, key: str) -> dict[str, Any]:
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}
