"""What an API server warns of beside an answer: unknown fields, deprecated versions, what webhooks say.

Each stands in a header of its own, as RFC 7234 writes them: `299 - "unknown field \\"spec.a\\""`. The texts
are anybody's: a webhook says what it likes, so they come as one line, cut off, and not too many of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from airunway.api.plain_text import one_line

MAX_WARNINGS = 10
"""Of one answer, since they go into histories; what more there are is said as a number."""
MAX_WARNING_LENGTH = 300
"""The server cuts them to 256 characters itself where there are many."""

MISCELLANEOUS = "299"
"""The only code that API servers send; the others are about caches."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_VALUE = re.compile(
    rf"\s*(?P<code>\d{{3}}) (?P<agent>\S+) (?P<text>{_QUOTED})(?: {_QUOTED})?\s*(?P<end>,|$)", re.DOTALL
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def warnings_in(headers: Iterable[str]) -> list[str]:
    """The texts of the values of `Warning` headers, each once, in their order.

    What is not written as the RFC wants it says nothing, with what stands behind it in its header.
    """
    found = dict.fromkeys(text for header in headers for text in _texts(header) if text)
    told = list(found)[:MAX_WARNINGS]
    if len(found) > MAX_WARNINGS:
        told[-1] = f"and {len(found) - MAX_WARNINGS + 1} more warnings"
    return told


def _texts(header: str) -> Iterable[str]:
    at = 0
    while at < len(header) and (value := _VALUE.match(header, at)) is not None:
        if value["code"] == MISCELLANEOUS:
            yield _shown(_ESCAPE.sub(r"\1", value["text"][1:-1]))
        at = value.end()
        if not value["end"]:
            return


def _shown(text: str) -> str:
    line = one_line(text).strip()
    return line if len(line) <= MAX_WARNING_LENGTH else f"{line[: MAX_WARNING_LENGTH - 1]}…"
