"""What BuildKit is to do for a model's image, as LLB. Pure, and the same bytes for the same input.

    base image ─────────────────────────────────────────────┐
    download a ── copied to /models/a, dated 1970 ──────────┼── merged: a layer each
    download b ── copied to /models/b, dated 1970 ──────────┘

An HTTP source is a directory that holds just the file: `http.filename` takes no folder. Merged as it is, a
file would lie at the image's root and carry the server's Last-Modified, so that the same model gave another
digest whenever a server was set up anew. Copying it mends both. Without either, 1 GB took 5.6 s on ext4; the
copy (done in the kernel) added about 1 s, the exporter's `rewrite-timestamp` about 4 s, and it left the file
at the root. On file systems with reflinks (XFS, btrfs) the kernel need not copy. A daemon needs room for
three times the files: download, copy, layer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from google.protobuf.message import Message

from clients.buildkit.model import HttpFile, ModelImage
from clients.buildkit.wire import ops_pb2 as pb

_FILE_NAME = "content"  # in the download's own directory; the path gives it its real one
_KEEP, _NONE = -1, -1
_EPOCH = 0

BASE_STEP = "resolving the base image"
MERGE_STEP = "putting the layers together"


def definition_of(image: ModelImage) -> pb.Definition:
    """The graph of operations whose result is the image's file system."""
    graph = _Graph(image)
    layers = [graph.base(image.base)] if image.base else []
    layers += [graph.layer(file) for file in image.files]
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

    def __init__(self, image: ModelImage) -> None:
        platform = image.platform
        self._platform = pb.Platform(
            OS=platform.os, Architecture=platform.architecture, Variant=platform.variant
        )
        self._operations: dict[str, bytes] = {}
        self._metadata: dict[str, pb.OpMetadata] = {}

    def base(self, reference: str) -> str:
        source = pb.SourceOp(identifier=f"docker-image://{reference}")
        return self._add(pb.Op(source=source), BASE_STEP, ["source.image"])

    def layer(self, file: HttpFile) -> str:
        """The file at its path in an otherwise empty file system."""
        attributes = {
            "http.checksum": f"sha256:{file.sha256}",
            "http.filename": _FILE_NAME,
            "http.perm": "0644",
        }
        if file.auth_secret:
            attributes["http.authheadersecret"] = file.auth_secret
        source = pb.SourceOp(identifier=file.url, attrs=attributes)
        needs = ["source.http", "source.http.checksum", "source.http.perm"]
        downloaded = self._add(pb.Op(source=source), download_step(file), needs)
        copy = pb.FileActionCopy(
            src=f"/{_FILE_NAME}", dest=file.path, mode=_KEEP, createDestPath=True, timestamp=_EPOCH
        )
        action = pb.FileAction(input=_NONE, secondaryInput=0, output=0, copy=copy)
        placing = pb.Op(inputs=[pb.Input(digest=downloaded)], file=pb.FileOp(actions=[action]))
        return self._add(placing, copy_step(file), ["file.base"])

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


def _marshalled(operation: Message) -> bytes:
    return operation.SerializeToString(deterministic=True)
