"""Manifests from files and standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from airunway.cli.manifest_files import SIZE_LIMIT_BYTES, built_by_kustomize, manifest_files
from airunway.cli.options import Manifests
from airunway.cli.problems import UsageError
from airunway.console.documents import Document, UnreadableDocument, read_text


def read_manifests(given: Manifests) -> list[Document]:
    """Every document that was named: of files, of folders, of a kustomization. Raises UsageError."""
    found = [
        document
        for name in manifest_files(given.files, recursive=given.recursive)
        for document in read_documents(_text_of(name), name=_shown(name))
    ]
    if given.kustomize is not None:
        found += read_documents(built_by_kustomize(given.kustomize), name=f"{given.kustomize} (kustomize)")
    return found


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
