"""The `data` of a Secret, from and to base64. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping


def decoded(data: Mapping[str, str] | None) -> dict[str, bytes]:
    """The `data` of a Secret; what is no base64 counts as not there."""
    found = {}
    for key, text in (data or {}).items():
        try:
            found[key] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
    return found


def encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    """The `data` of a Secret."""
    return {key: base64.b64encode(content).decode() for key, content in files.items()}
