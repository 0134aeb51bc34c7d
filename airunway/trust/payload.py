"""What is signed of an image, and whether a signed text is about the image at hand. Pure.

Source: cosign's SIGNATURE_SPEC.md (simple signing); the identity in it is not compared, as there: the digest
is the image, under whatever name it is kept.
"""

from __future__ import annotations

import json
from typing import Any

SIGNATURE_TYPE = "cosign container image signature"


def new_payload(*, reference: str, digest: str) -> bytes:
    """The text to sign for an image. `reference`: registry and repository."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": SIGNATURE_TYPE,
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def payload_problem(payload: bytes, digest: str) -> str:
    """Why a signed text says nothing good of an image; empty when it is about just this one."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return "what was signed is no JSON"
    critical = _section(document, "critical")
    if critical.get("type") != SIGNATURE_TYPE:
        return "what was signed is no image signature"
    signed = _section(critical, "image").get("docker-manifest-digest")
    return "" if signed == digest else "it was signed for another digest"


def _section(document: Any, key: str) -> dict[str, Any]:
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}
