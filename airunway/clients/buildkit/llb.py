"""What BuildKit is to do for a model's image, as LLB. Pure, and the same bytes for the same input.

    base image ──────────────────────────────────────────┐
    download a ──────────────────────────────────────────┤
    download b ──────────────────────────────────────────┼── merged: a layer each
    links /models/a and /models/b, to them, dated 1970 ──┘

An HTTP source is a directory that holds just the file: `http.filename` takes no folder. So a file lies at
the image's root, with the server's Last-Modified as its date, and a link leads to it from where it is wanted.
No byte of it is copied: a daemon needs room for twice the files, download and layer.

With `fixed_dates` there are no links: each file is copied to its path and dated 1970, so that a server that
was set up again does not change the image's digest. The copy (done in the kernel) needs room for the files
once more, and about a second a gigabyte where the file system has no reflinks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from google.protobuf.message import Message

from airunway.clients.buildkit.model import HttpFile, ImageBuild
from airunway.clients.buildkit.wire import ops_pb2 as pb

_KEEP, _NONE = -1, -1
_EPOCH = 0

BASE_STEP = "resolving the base image"
LINK_STEP = "linking the files"
MERGE_STEP = "putting the layers together"


def definition_of(image: ImageBuild) -> pb.Definition:
    """The graph of operations whose result is the image's file system."""
    graph = _Graph(image)
    layers = [graph.base(image.base)] if image.base else []
    downloads = {file: graph.download(file) for file in image.files}
    if image.fixed_dates:
        layers += [graph.copied(file, downloaded) for file, downloaded in downloads.items()]
    else:
        layers += downloads.values()
        layers += [graph.links(image.linked_files)] if image.linked_files else []
    return graph.ended(graph.merged(layers))


def download_step(file: HttpFile) -> str:
    """What the daemon calls the download of a file."""
    return f"downloading {file.path}"


def copy_step(file: HttpFile) -> str:
    """What the daemon calls putting a file in its place; it begins when the download is done.

    The hash tells it from another model's file of that name: the daemon's cache shows only this.
    """
    return f"placing {file.path} {file.sha256[:12]}"


class _Graph:
    """Operations in the order they depend on each other."""

    def __init__(self, image: ImageBuild) -> None:
        platform = image.platform
        self._platform = pb.Platform(
            OS=platform.os, Architecture=platform.architecture, Variant=platform.variant
        )
        self._operations: dict[str, bytes] = {}
        self._metadata: dict[str, pb.OpMetadata] = {}

    def base(self, reference: str) -> str:
        source = pb.SourceOp(identifier=f"docker-image://{reference}")
        return self._add(pb.Op(source=source), BASE_STEP, ["source.image"])

    def download(self, file: HttpFile) -> str:
        """The file in an otherwise empty file system, under its name."""
        attributes = {
            "http.checksum": f"sha256:{file.sha256}",
            "http.filename": file.name,
            "http.perm": "0644",
        }
        if file.auth_secret:
            attributes["http.authheadersecret"] = file.auth_secret
        source = pb.SourceOp(identifier=file.url, attrs=attributes)
        needs = ["source.http", "source.http.checksum", "source.http.perm"]
        return self._add(pb.Op(source=source), download_step(file), needs)

    def copied(self, file: HttpFile, downloaded: str) -> str:
        """A download at the file's path."""
        copy = pb.FileActionCopy(
            src=f"/{file.name}", dest=file.path, mode=_KEEP, createDestPath=True, timestamp=_EPOCH
        )
        action = pb.FileAction(input=_NONE, secondaryInput=0, output=0, copy=copy)
        placing = pb.Op(inputs=[pb.Input(digest=downloaded)], file=pb.FileOp(actions=[action]))
        return self._add(placing, copy_step(file), ["file.base"])

    def links(self, files: Sequence[HttpFile]) -> str:
        """Links at the files' paths, to where they lie."""
        operation = pb.Op(file=pb.FileOp(actions=_link_actions(files)))
        return self._add(operation, LINK_STEP, ["file.base", "file.symlink.create"])

    def merged(self, layers: Sequence[str]) -> str:
        if len(layers) == 1:
            return layers[0]
        inputs = [pb.Input(digest=layer) for layer in layers]
        merge = pb.MergeOp(inputs=[pb.MergeInput(input=index) for index in range(len(layers))])
        return self._add(pb.Op(inputs=inputs, merge=merge), MERGE_STEP, ["mergeop"])

    def ended(self, result: str) -> pb.Definition:
        last = _marshalled(pb.Op(inputs=[pb.Input(digest=result)]))
        definition = pb.Definition(metadata=self._metadata)
        getattr(definition, "def").extend([*self._operations.values(), last])  # `def` is Python's own word
        return definition

    def _add(self, operation: pb.Op, step: str, needs: Sequence[str]) -> str:
        operation.platform.CopyFrom(self._platform)
        marshalled = _marshalled(operation)
        digest = f"sha256:{hashlib.sha256(marshalled).hexdigest()}"
        self._operations[digest] = marshalled
        self._metadata[digest] = pb.OpMetadata(
            description={"llb.customname": step}, caps={need: True for need in needs}
        )
        return digest


def _link_actions(files: Sequence[HttpFile]) -> list[pb.FileAction]:
    """Make folders and links, then copy it all: a folder in which a link is made gets today's date."""
    folders = sorted({str(PurePosixPath(file.path).parent) for file in files})
    changes = [
        *(pb.FileAction(mkdir=_folder(folder)) for folder in folders),
        *(pb.FileAction(symlink=_link(file)) for file in files),
    ]
    for position, change in enumerate(changes):
        # Each goes on from the one before, named by its position; the first from nothing.
        change.input, change.secondaryInput, change.output = position - 1, _NONE, _NONE
    dated = pb.FileActionCopy(src="/", dest="/", mode=_KEEP, dirCopyContents=True, timestamp=_EPOCH)
    last = pb.FileAction(input=_NONE, secondaryInput=len(changes) - 1, output=0, copy=dated)
    return [*changes, last]


def _folder(path: str) -> pb.FileActionMkDir:
    return pb.FileActionMkDir(path=path, mode=0o755, makeParents=True, timestamp=_EPOCH)


def _link(file: HttpFile) -> pb.FileActionSymlink:
    """Relative: it leads to the file wherever the image's file system is mounted."""
    up = "../" * len(PurePosixPath(file.path).parent.parts[1:])
    return pb.FileActionSymlink(oldpath=f"{up}{file.name}", newpath=file.path, timestamp=_EPOCH)


def _marshalled(operation: Message) -> bytes:
    return operation.SerializeToString(deterministic=True)
