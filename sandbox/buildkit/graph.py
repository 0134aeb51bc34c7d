"""Read a build's LLB, as far as it is of the kind we ask for. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clients.buildkit.wire import ops_pb2 as pb


@dataclass(frozen=True)
class Step:
    """An operation, by its digest, with the name it is shown under."""

    digest: str
    name: str
    operation: pb.Op

    @property
    def inputs(self) -> Sequence[str]:
        """Digests of the operations it is made of."""
        return [wanted.digest for wanted in self.operation.inputs]


class NotPretended(Exception):
    """A real daemon may be able to do this; the pretend one is not."""


@dataclass(frozen=True)
class Graph:
    """Operations by digest, and the one whose result is wanted."""

    steps: Mapping[str, Step]
    result: str

    def layers(self) -> Sequence[str]:
        """Digests of what is put together, the lowest first."""
        last = self.steps[self.result]
        return last.inputs if last.operation.WhichOneof("op") == "merge" else [self.result]


def read(definition: pb.Definition) -> Graph:
    """The graph of a definition. Raises NotPretended."""
    steps: dict[str, Step] = {}
    result = ""
    for marshalled in getattr(definition, "def"):
        operation = pb.Op.FromString(marshalled)
        digest = f"sha256:{hashlib.sha256(marshalled).hexdigest()}"
        if operation.WhichOneof("op") is None and len(operation.inputs) == 1:
            result = operation.inputs[0].digest
            continue
        name = definition.metadata[digest].description.get("llb.customname", "") or _usual_name(operation)
        steps[digest] = Step(digest, name, operation)
    wanted = {digest for step in steps.values() for digest in step.inputs} | {result}
    if not wanted <= steps.keys():
        raise NotPretended("invalid definition: an operation or the result points to nothing")
    return Graph(steps, result)


def copied(step: Step) -> pb.FileActionCopy:
    """The copy of a file that a step is. Raises NotPretended for any other."""
    actions = step.operation.file.actions
    if len(actions) != 1 or actions[0].WhichOneof("action") != "copy" or len(step.inputs) != 1:
        raise NotPretended(f"{step.name}: the pretend BuildKit only copies one file of one source")
    return actions[0].copy


def _usual_name(operation: pb.Op) -> str:
    kind = operation.WhichOneof("op")
    return operation.source.identifier if kind == "source" else str(kind)
