"""When a graph must be deleted and made again, and what a live one was made for. Pure.

Source: the operator's validation of updates. A graph keeps the services that it was made with, and each stays
on one node or on several; everything else about them may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api.cluster_features import INFERENCE_POOLS
from airunway.api.names import field_manager_for
from airunway.providers.dynamo.config import GRAPH, NAME


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why `desired` cannot be reached from `live` by a patch, or None. Any kind but the graph: None."""
    if live.get("kind") != GRAPH.kind:
        return None
    current, wanted = _services(live), _services(desired)
    added = sorted(wanted.keys() - current.keys())
    # What somebody else added is not ours to take away, and so no reason.
    removed = sorted((current.keys() - wanted.keys()) & set(_owned_services(live)))
    if added or removed:
        changes = [f"add {', '.join(added)}"] if added else []
        changes += [f"remove {', '.join(removed)}"] if removed else []
        change = " and ".join(changes)
        return f"Dynamo keeps the services that a graph was made with, and this change would {change}"
    for name, service in wanted.items():
        if _is_multinode(service) != _is_multinode(current[name]):
            return f"Dynamo does not move service {name} between one node and several"
    return None


def features_of(live: Mapping[str, Any]) -> list[str]:
    """A graph with an endpoint picker was made for a cluster that serves InferencePools."""
    kinds = [entry.get("componentType") for entry in _services(live).values() if isinstance(entry, Mapping)]
    return [INFERENCE_POOLS] if "epp" in kinds else []


def _services(graph: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = graph.get("spec")
    services = spec.get("services") if isinstance(spec, Mapping) else None
    return services if isinstance(services, Mapping) else {}


def _owned_services(graph: Mapping[str, Any]) -> Iterator[str]:
    """Services of which this provider set a field, by an apply or when it created the graph."""
    for entry in (graph.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") == field_manager_for(NAME) and not entry.get("subresource"):
            fields = entry.get("fieldsV1") or {}
            services = (fields.get("f:spec") or {}).get("f:services") or {}
            yield from (key.removeprefix("f:") for key in services if key.startswith("f:"))


def _is_multinode(service: Any) -> bool:
    multinode = service.get("multinode") if isinstance(service, Mapping) else None
    count = multinode.get("nodeCount") if isinstance(multinode, Mapping) else None
    return isinstance(count, int) and count > 1
