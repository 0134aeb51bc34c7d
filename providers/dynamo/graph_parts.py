"""The parts of a graph, in whichever version of the API it is written. Pure.

v1alpha1 keeps them in `spec.services` by name, v1beta1 in the list `spec.components`; what is asked of them
here they call by other names as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.api.names import FORMER_FIELD_MANAGERS, field_manager_for
from airunway.providers.dynamo.config import ALPHA, BETA, NAME

FRONTEND, PICKER, WORKER = "frontend", "epp", "worker"
ROLES = ("prefill", "decode")


@dataclass(frozen=True)
class GraphPart:
    """A service of a graph. `kind`: frontend, epp, worker, prefill, decode; empty when it says none."""

    kind: str
    is_multinode: bool
    names_runtime: bool = False
    replicas: int = 1
    """As asked for; Dynamo makes one where nothing is said."""


def graph_parts(graph: Mapping[str, Any]) -> dict[str, GraphPart]:
    """The parts by name, without what cannot be read."""
    return {name: _part(entry) for name, entry in _entries(graph)}


def backend_framework(graph: Mapping[str, Any]) -> str:
    """The engine that a graph says it has; empty when it says none."""
    return str(_mapping(graph.get("spec")).get("backendFramework") or "")


def owned_parts(graph: Mapping[str, Any]) -> set[str]:
    """Names of the parts of which this system set a field, or the controllers whose objects it takes over."""
    found: set[str] = set()
    for entry in _our_fields(graph):
        spec = _mapping(_mapping(entry.get("fieldsV1")).get("f:spec"))
        found |= {key.removeprefix("f:") for key in _mapping(spec.get("f:services")) if key.startswith("f:")}
        for key in _mapping(spec.get("f:components")):
            if key.startswith('k:{"name":"'):
                found.add(key.removeprefix('k:{"name":"').removesuffix('"}'))
    return found


def written_in(graph: Mapping[str, Any]) -> str:
    """The API version in which this system, or whose object it was, wrote a graph last."""
    entries = [entry for entry in _our_fields(graph) if entry.get("apiVersion") in (ALPHA, BETA)]
    latest = max(entries, key=lambda entry: str(entry.get("time") or ""), default={})
    return str(latest.get("apiVersion") or ALPHA)


def _our_fields(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    ours = FORMER_FIELD_MANAGERS | {field_manager_for(NAME)}
    for entry in _mapping(graph.get("metadata")).get("managedFields") or ():
        if entry.get("manager") in ours and not entry.get("subresource"):
            yield entry


def _entries(graph: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    spec = _mapping(graph.get("spec"))
    for name, entry in _mapping(spec.get("services")).items():
        yield name, _mapping(entry)
    components = spec.get("components")
    for entry in components if isinstance(components, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            yield entry["name"], entry


def _part(entry: Mapping[str, Any]) -> GraphPart:
    kind = str(entry.get("type") or entry.get("componentType") or "")
    role = entry.get("subComponentType")
    count = _mapping(entry.get("multinode")).get("nodeCount")
    replicas = entry.get("replicas")
    return GraphPart(
        kind=str(role) if kind == WORKER and role in ROLES else kind,
        is_multinode=isinstance(count, int) and count > 1,
        names_runtime=bool(entry.get("runtimeVersionOverride")),
        replicas=replicas if isinstance(replicas, int) else 1,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
