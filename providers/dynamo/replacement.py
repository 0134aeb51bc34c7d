"""When a graph must be deleted and made again, and what a live one was made for. Pure.

Source: the operator's validation of updates. A graph keeps the services that it was made with, with the role
that each has and on one node or on several, and its engine; everything else about them may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.cluster_features import ROUTED_BY_GATEWAY
from airunway.providers.dynamo.config import ALPHA, GRAPH
from airunway.providers.dynamo.graph_parts import (
    PICKER,
    backend_framework,
    graph_parts,
    owned_parts,
    written_in,
)
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why `desired` cannot be reached from `live` by a patch, or None. Any kind but the graph: None."""
    if live.get("kind") != GRAPH.kind:
        return None
    return _other_parts(live, desired) or _other_engine(live, desired) or _other_shape(live, desired)


def _other_parts(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    current, wanted = graph_parts(live), graph_parts(desired)
    added = sorted(wanted.keys() - current.keys())
    # What somebody else added is not ours to take away, and so no reason.
    removed = sorted((current.keys() - wanted.keys()) & owned_parts(live))
    if not added and not removed:
        return None
    changes = [f"add {', '.join(added)}"] if added else []
    changes += [f"remove {', '.join(removed)}"] if removed else []
    change = " and ".join(changes)
    return f"Dynamo keeps the services that a graph was made with, and this change would {change}"


def _other_engine(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    current, wanted = backend_framework(live), backend_framework(desired)
    if current == wanted:
        return None
    return (
        f"Dynamo does not change the engine of a graph, here from {current or 'none'} to {wanted or 'none'}"
    )


def _other_shape(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    current = graph_parts(live)
    for name, part in graph_parts(desired).items():
        if part.kind != current[name].kind:
            return (
                f"Dynamo does not make service {name} a {part.kind} that was a {current[name].kind or 'part'}"
            )
        if part.is_multinode != current[name].is_multinode:
            return f"Dynamo does not move service {name} between one node and several"
    return None


def features_of(live: Mapping[str, Any]) -> list[str]:
    """A gateway routes to a graph with an endpoint picker; its version is the one that it was written in."""
    parts, version = graph_parts(live).values(), written_in(live)
    routed = [ROUTED_BY_GATEWAY] if any(part.kind == PICKER for part in parts) else []
    fields = [SERVED_FIELDS[version]] if any(part.names_runtime for part in parts) else []
    return [*routed, *([version] if version != ALPHA else []), *fields]
