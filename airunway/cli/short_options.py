"""`-o=json`, as `kubectl` takes it. Pure. The library would take the sign for a part of the value."""

from __future__ import annotations

from collections.abc import Sequence

_LETTERS = "cfkno"
"""Of options that `kubectl` has too, and that take a value."""
_BEFORE_TEXTS = ("--reason",)
"""What follows these is anything."""


def without_signs(words: Sequence[str]) -> list[str]:
    """The words of a command line with such options written `-ojson`; nothing behind `--` is one."""
    end = list(words).index("--") if "--" in words else len(words)
    before = ["", *words]
    shown = [
        word if last in _BEFORE_TEXTS else _without_sign(word)
        for last, word in zip(before, words[:end], strict=False)
    ]
    return [*shown, *words[end:]]


def _without_sign(word: str) -> str:
    is_one = len(word) > 3 and word[0] == "-" and word[1] in _LETTERS and word[2] == "="
    return f"{word[:2]}{word[3:]}" if is_one else word
