"""How large the annotations of what is rendered are: the API server bounds those of each object. Pure.

A tenant's annotations may fit by themselves and not beside those that we write, of which KAITO's record holds
the whole Workspace once more.
Source: k8s.io/apimachinery, pkg/api/validation/objectmeta.go, TotalAnnotationSizeLimitB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airunway.api.bounds import MAX_ANNOTATIONS_BYTES
from airunway.api.findings import FieldError, FieldErrorType
from airunway.provider.manifest import Manifest


def annotation_findings(objects: Iterable[Manifest]) -> Iterator[FieldError]:
    """What the API server would refuse for its annotations, those of pod templates included."""
    for obj in objects:
        size = max((_bytes_of(found) for found in _annotations(obj)), default=0)
        if size > MAX_ANNOTATIONS_BYTES:
            name = (obj.get("metadata") or {}).get("name")
            yield FieldError(
                field="spec",
                type=FieldErrorType.TOO_LONG,
                value=f"{size} bytes",
                detail=(
                    f"the annotations of the rendered {obj.get('kind')} {name} are {size} bytes together, "
                    f"at most {MAX_ANNOTATIONS_BYTES} are taken; shorten "
                    "spec.podTemplate.metadata, spec.env or the arguments of the engine"
                ),
            )


def _annotations(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == "annotations" and isinstance(part, Mapping):
                yield part
            yield from _annotations(part)
    elif isinstance(value, list):
        for part in value:
            yield from _annotations(part)


def _bytes_of(annotations: Mapping[str, Any]) -> int:
    return sum(len(str(key).encode()) + len(str(text).encode()) for key, text in annotations.items())
