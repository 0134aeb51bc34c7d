"""What a pretend hub serves: repositories, their files, and one small GGUF repository to begin with.

Apart from `hub`, which is only HTTP: a test makes its models here, of bytes or of files on disk.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

_SMALL = (".md", ".json", ".txt", ".gitattributes")  # what a repository keeps in git itself


@dataclass(frozen=True)
class Blob:
    """One file: bytes, or a path, whose bytes are read while they are sent."""

    name: str
    content: bytes | Path

    @cached_property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """Hex."""
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        with self.content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def is_large(self) -> bool:
        """Whether the hub keeps it apart from git, so that it has a SHA-256 there."""
        return not self.name.endswith(_SMALL)

    def chunks(self, start: int, stop: int, *, size: int) -> Iterator[bytes]:
        """The bytes from start to stop, in pieces of at most `size`."""
        if isinstance(self.content, bytes):
            for at in range(start, stop, size):
                yield self.content[at : min(at + size, stop)]
            return
        with self.content.open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(size, stop - start))):
                start += len(piece)
                yield piece


@dataclass(frozen=True, kw_only=True)
class HubModel:
    """A repository at one commit. With a `token` it is private, or `gated`: seen by all, read by some."""

    id: str
    files: Mapping[str, bytes | Path]
    token: str = field(default="", repr=False)
    gated: bool = False
    license: str = "apache-2.0"

    @cached_property
    def blobs(self) -> Mapping[str, Blob]:
        """File by name."""
        return {name: Blob(name, content) for name, content in sorted(self.files.items())}

    @cached_property
    def commit(self) -> str:
        """40 hex digits, made of what is in it."""
        text = "\n".join([self.id, *(f"{blob.sha256} {name}" for name, blob in self.blobs.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:40]

    def lets_in(self, token: str) -> bool:
        """Whether files may be read with this token."""
        return not self.token or token == self.token

    def document(self, *, with_blobs: bool) -> dict[str, Any]:
        """What the hub's API says of it."""
        return {
            "id": self.id,
            "modelId": self.id,
            "author": self.id.partition("/")[0],
            "sha": self.commit,
            "private": bool(self.token) and not self.gated,
            "gated": "manual" if self.gated else False,
            "tags": ["gguf", f"license:{self.license}"],
            "cardData": {"license": self.license},
            "siblings": [_sibling(blob, with_blobs=with_blobs) for blob in self.blobs.values()],
        }


def _sibling(blob: Blob, *, with_blobs: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"rfilename": blob.name}
    if with_blobs:
        git_id = hashlib.sha1(blob.sha256.encode(), usedforsecurity=False).hexdigest()
        entry |= {"blobId": git_id, "size": blob.size}
        if blob.is_large:
            entry["lfs"] = {"sha256": blob.sha256, "size": blob.size, "pointerSize": 134}
    return entry


def small_gguf(name: str, *, quantisation: int, tensor_bytes: int = 64 * 1024) -> bytes:
    """A valid GGUF file (version 3) with one tensor, the same bytes each time.

    Args:
        name: `general.name`; the tensor's content is made of it.
        quantisation: `general.file_type` as llama.cpp numbers it (7 is Q8_0, 15 is Q4_K_M).
        tensor_bytes: how large the tensor is, a multiple of 4; it is of 32-bit floats whatever the name says.
    """
    fields = [
        (_text("general.architecture"), 8, _text("llama")),
        (_text("general.name"), 8, _text(name)),
        (_text("general.file_type"), 4, struct.pack("<I", quantisation)),
        (_text("llama.context_length"), 4, struct.pack("<I", 2048)),
    ]
    header = struct.pack("<4sIQQ", b"GGUF", 3, 1, len(fields))
    header += b"".join(key + struct.pack("<I", kind) + value for key, kind, value in fields)
    header += _text("token_embd.weight") + struct.pack("<IQIQ", 1, tensor_bytes // 4, 0, 0)
    header += bytes(-len(header) % 32)
    seed = hashlib.sha256(name.encode()).digest()
    # A float of four equal bytes below 0x7f is a finite one.
    weights = bytes(byte & 0x3F for byte in seed)
    return header + (weights * (tensor_bytes // len(weights) + 1))[:tensor_bytes]


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


DEFAULT_MODELS = (
    HubModel(
        id="example/Tiny-GGUF",
        files={
            "README.md": b"---\nlicense: apache-2.0\n---\nA model that says nothing: for trying out.\n",
            "Tiny-Q4_K_M.gguf": small_gguf("Tiny", quantisation=15),
            "Tiny-Q8_0.gguf": small_gguf("Tiny", quantisation=7, tensor_bytes=128 * 1024),
        },
    ),
)
"""What there is without a word."""


# -- any model ------------------------------------------------------------------------------------------

MISSING, PRIVATE, GATED = "missing", "private", "gated"
"""Owners whose repositories are not there, are seen only with the token, or are read only with it."""
TOKEN = "hf_sandbox"
"""What lets in to made-up repositories that do not let everybody in."""
_NAME = re.compile(r"(?:(?P<owner>[A-Za-z0-9][A-Za-z0-9_.-]*)/)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)")
_MAX_NAME = 96  # characters, as the hub allows
_TENSOR_BYTES = 8 * 1024


def made_up(repo: str) -> HubModel | None:
    """A repository of any name that the hub would allow, the same bytes each time; None: there is none.

    It has weights in both forms, so that any engine finds what it loads. The owner `missing` has none,
    `private` hides and `gated` guards what it has.
    """
    found = _NAME.fullmatch(repo)
    if found is None or any(len(part) > _MAX_NAME for part in repo.split("/")):
        return None
    owner, name = found["owner"] or "", found["name"]
    if owner == MISSING or "--" in repo or ".." in repo or name.endswith((".git", ".ipynb", ".")):
        return None
    stem = re.sub(r"(?i)[-_.]gguf$", "", name)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16"}
    files: dict[str, bytes | Path] = {
        "README.md": b"---\nlicense: apache-2.0\n---\nMade up by the sandbox: it says nothing.\n",
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": b"{}",
        "model.safetensors": _safetensors(repo),
        f"{stem}-Q4_K_M.gguf": small_gguf(stem, quantisation=15, tensor_bytes=_TENSOR_BYTES),
        f"{stem}-Q8_0.gguf": small_gguf(stem, quantisation=7, tensor_bytes=2 * _TENSOR_BYTES),
    }
    guarded = owner in (PRIVATE, GATED)
    return HubModel(id=repo, files=files, token=TOKEN if guarded else "", gated=owner == GATED)


def _safetensors(repo: str) -> bytes:
    """A valid file of one tensor, made of the name."""
    values = hashlib.sha256(repo.encode()).digest()
    header = {"weight": {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}}
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + values
