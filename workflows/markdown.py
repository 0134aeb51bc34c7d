"""Texts of others within the Markdown that the Temporal UI shows. Pure.

Tenants choose names, models and messages, and operators read them: none may be a link, an image or a row.
"""

from __future__ import annotations

MAX_TEXT = 300
"""Characters of one text."""

_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\|[]<`*"} | {"\n": " ", "\r": " "})


def plain(text: str | None) -> str:
    """A text that is shown as it is, on one line."""
    return (text or "")[:MAX_TEXT].translate(_ESCAPED)
