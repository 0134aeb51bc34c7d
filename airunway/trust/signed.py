"""What a status says of signatures: written by who verified them, and read where a status is compared. Pure.

One place for both, so that what is written can be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_SIGNED, _BY, _NEXT = "signed: ", " by ", ", "
_SIGNED_BY = "signed by "

Signed = tuple[str, str]
"""An image by its digest, and the name of the key that it is signed by; of what is neither, no image."""


def signed_words(images: Iterable[Signed]) -> str:
    """The message of the condition."""
    return f"{_SIGNED}{_NEXT.join(f'{pinned}{_BY}{key}' for pinned, key in images)}"


def signed_by_words(key: str) -> str:
    """What is said of one image, beside it."""
    return f"{_SIGNED_BY}{key}"


def said_signed(message: str) -> Iterator[Signed]:
    """The images of such a message, at least one."""
    for entry in message.removeprefix(_SIGNED).split(_NEXT):
        pinned, _, key = entry.rpartition(_BY)
        yield pinned, key


def said_signed_by(message: str) -> str:
    """The key of what is said of one image."""
    return message.removeprefix(_SIGNED_BY)
