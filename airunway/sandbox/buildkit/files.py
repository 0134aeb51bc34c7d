"""File systems of pretend builds: what a file operation makes of them. Pure; the time is given.

A folder in which something is made gets today's date, as on a real disk: that an image has none of today is
for its client to see to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeAlias

from airunway.clients.buildkit.wire import ops_pb2 as pb
from airunway.sandbox.buildkit.graph import NotPretended

_KEEP = -1
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Entry:
    """A file with its content, a link to somewhere, or else a folder. `date` is seconds since 1970."""

    date: int
    mode: int = 0o644
    content: bytes | None = None
    link: str = ""

    @property
    def is_folder(self) -> bool:
        """Neither a file nor a link."""
        return self.content is None and not self.link


Files: TypeAlias = Mapping[str, Entry]
"""Entries by their absolute path."""


def applied(operation: pb.FileOp, inputs: Sequence[Files], *, now: int) -> Files:
    """What the operation makes of its inputs. Raises NotPretended; ValueError in the real daemon's words."""
    made = list(inputs)
    output: Files = {}
    for action in operation.actions:
        kind = action.WhichOneof("action")
        if kind not in ("mkdir", "symlink", "copy"):
            raise NotPretended("the pretend BuildKit makes folders and links, and copies")
        files = dict(_made(made, action.input))
        if kind == "mkdir":
            _make_folder(files, action.mkdir, now)
        elif kind == "symlink":
            entry = Entry(_date(action.symlink.timestamp, now), 0o777, link=action.symlink.oldpath)
            _put(files, action.symlink.newpath, entry, now)
        else:
            _copy(files, _made(made, action.secondaryInput), action.copy, now)
        made.append(files)
        if action.output >= 0:
            output = files
    return output


def _made(made: Sequence[Files], index: int) -> Files:
    """An input, or what an earlier action made; nothing for -1."""
    if index >= len(made):
        raise ValueError(f"invalid input index {index}, {len(made)} provided")
    return made[index] if index >= 0 else {}


def _make_folder(files: dict[str, Entry], action: pb.FileActionMkDir, now: int) -> None:
    entry = Entry(_date(action.timestamp, now), action.mode)
    if action.makeParents:
        _make_parents(files, action.path, entry)
    if action.path not in files:
        _put(files, action.path, entry, now)


def _copy(files: dict[str, Entry], source: Files, action: pb.FileActionCopy, now: int) -> None:
    found = dict(_taken(source, action))
    if not found:
        raise ValueError(f"lstat {action.src}: no such file or directory")
    folder = Entry(_date(action.timestamp, now), 0o755)
    for path, entry in found.items():
        if action.createDestPath:
            _make_parents(files, path, folder)
        files[path] = entry if action.timestamp == _KEEP else replace(entry, date=folder.date)


def _taken(source: Files, action: pb.FileActionCopy) -> Files:
    """What is to be copied, by the path where it goes."""
    if not action.dirCopyContents:
        return {action.dest: source[action.src]} if action.src in source else {}
    below = f"{action.src.rstrip('/')}/"
    return {
        f"{action.dest.rstrip('/')}/{path.removeprefix(below)}": entry
        for path, entry in source.items()
        if path.startswith(below)
    }


def _make_parents(files: dict[str, Entry], path: str, folder: Entry) -> None:
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        files.setdefault(str(parent), folder)


def _put(files: dict[str, Entry], path: str, entry: Entry, now: int) -> None:
    parent = str(PurePosixPath(path).parent)
    if parent != "/":
        if parent not in files or not files[parent].is_folder:
            raise ValueError(f"open {path}: no such file or directory")
        files[parent] = replace(files[parent], date=now)
    files[path] = entry


def _date(timestamp: int, now: int) -> int:
    return now if timestamp == _KEEP else timestamp // _NANOSECONDS
