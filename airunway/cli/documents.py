"""Manifests from files and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from airunway.cli.problems import UsageError
from airunway.console.documents import Document, UnreadableDocument, read_text

SIZE_LIMIT_BYTES = 16 * 1024 * 1024
"""Several times what an API server takes in one request; more is not a manifest."""


def read_files(names: Iterable[str]) -> list[Document]:
    """Every document of the files, `-` being standard input. Raises UsageError."""
    return [document for name in names for document in read_documents(_text_of(name), name=_shown(name))]


def read_documents(text: str, *, name: str) -> list[Document]:
    """The documents of one text; the items of a `List` one by one. Raises UsageError."""
    try:
        return list(read_text(text, name=name))
    except UnreadableDocument as err:
        raise UsageError(str(err)) from err


def _text_of(name: str) -> str:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{name}: no such file") from None
    except OSError as err:
        raise UsageError(f"{name}: cannot be read: {err.strerror}") from err
    if len(data) > SIZE_LIMIT_BYTES:
        raise UsageError(f"{_shown(name)}: larger than {SIZE_LIMIT_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data[: err.start].count(b"\n") + 1
        raise UsageError(f"{_shown(name)}:{line}: not UTF-8 text") from err


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name
