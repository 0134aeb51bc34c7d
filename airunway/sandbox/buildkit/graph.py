"""Read a build's LLB, as far as it is of the kind we ask for. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airunway.clients.buildkit.wire import ops_pb2 as pb


@dataclass(frozen=True)
class BuildStep:
    """An operation, by its digest, with the name it is shown under."""

    digest: str
    name: str
    operation: pb.Op

    @property
    def kind(self) -> str:
        """Such as source, file, merge."""
        return str(self.operation.WhichOneof("op"))

    @property
    def inputs(self) -> Sequence[str]:
        """Digests of the operations it is made of."""
        return [wanted.digest for wanted in self.operation.inputs]


class NotPretended(Exception):
    """A real daemon may be able to do this; the pretend one is not."""


@dataclass(frozen=True)
class Graph:
    """Operations by digest, and the one whose result is wanted."""

    steps: Mapping[str, BuildStep]
    result: str

    @property
    def merge(self) -> BuildStep | None:
        """The step that puts the layers together; None if there is but one."""
        last = self.steps[self.result]
        return last if last.kind == "merge" else None

    def layers(self) -> Sequence[str]:
        """Digests of what is put together, the lowest first."""
        return self.merge.inputs if self.merge else [self.result]


def read(definition: pb.Definition) -> Graph:
    """The graph of a definition. Raises NotPretended."""
    steps: dict[str, BuildStep] = {}
    result = ""
    for marshalled in getattr(definition, "def"):
        operation = pb.Op.FromString(marshalled)
        digest = f"sha256:{hashlib.sha256(marshalled).hexdigest()}"
        if operation.WhichOneof("op") is None and len(operation.inputs) == 1:
            result = operation.inputs[0].digest
            continue
        name = definition.metadata[digest].description.get("llb.customname", "") or _usual_name(operation)
        steps[digest] = BuildStep(digest, name, operation)
    wanted = {digest for step in steps.values() for digest in step.inputs} | {result}
    if not wanted <= steps.keys():
        raise NotPretended("invalid definition: an operation or the result points to nothing")
    return Graph(steps, result)


def _usual_name(operation: pb.Op) -> str:
    kind = operation.WhichOneof("op")
    return operation.source.identifier if kind == "source" else str(kind)
