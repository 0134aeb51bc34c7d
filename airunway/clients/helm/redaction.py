"""Keep secrets out of what Helm prints. Pure.

Values carry no marks, so a secret is recognised by the name of its key, as people name them
(`password`, `hfToken`, `tls.key`). Names that only point at a secret (`existingSecret`, `tokenSecretName`)
are left alone. Whoever knows more names the strings themselves.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

REDACTED = "[redacted]"
SHORTEST = 4
"""Shorter strings would tear holes into every line, and protect nothing."""
SHORTEST_LINE = 12
"""Of a secret of many lines; short ones (`apiVersion: v1`) are no secret by themselves."""

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_SECRET = re.compile(
    r"passw|passphrase|passcode|secret|credential|htpasswd|kubeconfig|(^|_)(pass|pwd|dsn)(_|$)"
    r"|(^|_|[a-z])tokens?(_|$)|(api|access|auth|private|encryption|license|licence|tls|server|client|ca)_?key"
    r"|connection_?string"
)
_NO_SECRET = re.compile(
    r"^existing|(^|_)(max|min|num|new)_tokens?"
    r"|(name|names|ref|refs|key_name|secret_key|enabled|create|namespace|type|path|file|mount|ttl|expiry|size"
    r"|count|length|limit)$"
)
"""Names that point at a secret, or only say something about it."""
_URL_PASSWORD = re.compile(r"(://)[^/\s:@\"']+:[^/\s@\"']+@")


def is_secret_name(key: str) -> bool:
    """Whether values under this key are to be hidden."""
    words = _words(key)
    return bool(_SECRET.search(words)) and not _NO_SECRET.search(words)


def _words(key: str) -> str:
    """`hfToken`, `hf-token` and `HF_TOKEN` as `hf_token`."""
    return _WORDS.sub("_", key).strip("_").lower()


def masked(values: Any) -> Any:
    """The same document with secrets replaced, to show or to record."""
    return _masked(values, hidden=False)


def _masked(value: Any, *, hidden: bool) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(inner, hidden=_hides(str(key), inner, hidden)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, hidden=hidden) for item in value]
    if hidden and value not in (None, "") and not isinstance(value, bool):
        return REDACTED
    return value


def _hides(key: str, value: Any, hidden: bool) -> bool:
    # A group of that name, such as `secrets: {db: …}`, hides all its members but the pointers.
    return (hidden and not _NO_SECRET.search(_words(key))) or is_secret_name(key)


def secret_strings(values: Any) -> set[str]:
    """The strings `masked` would hide."""
    return set(_secrets(values, hidden=False))


def _secrets(value: Any, *, hidden: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, hidden=_hides(str(key), inner, hidden))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item, hidden=hidden)
    elif hidden and value is not None and not isinstance(value, bool):
        yield str(value)


class Redactor:
    """Takes known strings out of text, however they are written: plain, base64, JSON or URL."""

    def __init__(self, values: Any = None, *, secrets: Sequence[str] = ()) -> None:
        found = {form for text in secret_strings(values) | set(secrets) for form in _forms(text)}
        longest_first = sorted(found, key=lambda text: (-len(text), text))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without the secrets, and without passwords in addresses."""
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        return _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)


def _forms(text: str) -> Iterator[str]:
    # Output comes line by line, so a key of many lines is known by each of them.
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) >= SHORTEST_LINE]
    for part in {text, text.strip(), *lines}:
        if len(part) < SHORTEST:
            continue
        encoded = base64.b64encode(part.encode()).decode()
        for form in (part, json.dumps(part)[1:-1], quote(part, safe=""), encoded, encoded.rstrip("=")):
            if len(form) >= SHORTEST:
                yield form
