"""What Dynamo makes of a graph, and what it says about it. Pure but for the clock. Shapes of Dynamo 1.4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airunway.sandbox.operators.faults import knobs
from airunway.sandbox.operators.objects import Object, with_condition
from airunway.sandbox.operators.upstream import deployment, owned, service
from airunway.sandbox.serving.names import SERVES_ANNOTATION, models_of

API_VERSION, KIND = "nvidia.com/v1beta1", "DynamoGraphDeployment"
PORT, PICKER_PORT = 8000, 9002
POOL_VERSION = "inference.networking.k8s.io/v1"
_GRAPH, _COMPONENT = "nvidia.com/dynamo-graph-deployment-name", "nvidia.com/dynamo-component"
_TYPE, _SPACE = "nvidia.com/dynamo-component-type", "nvidia.com/dynamo-namespace"
_ENTRIES = {"frontend": ("http", PORT), "epp": ("grpc", PICKER_PORT)}
"""The types of components that requests come in by: name and number of their Service's port."""


def components(graph: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """spec.components."""
    found: list[Mapping[str, Any]] = graph["spec"].get("components") or []
    return found


def deployments(graph: Mapping[str, Any]) -> list[Object]:
    """A Deployment for each component; of one that spans nodes, a pod for each node."""
    return [
        deployment(
            graph,
            _name(graph, component),
            _template(graph, component),
            api_version=API_VERSION,
            replicas=_replicas(component) * _nodes(component),
            select=_labels(graph, component),
        )
        for component in components(graph)
    ]


def services(graph: Mapping[str, Any]) -> list[Object]:
    """The Services of the frontend and of the endpoint picker, as far as the graph has them."""
    found = [(one, _ENTRIES[one["type"]]) for one in components(graph) if one.get("type") in _ENTRIES]
    return [
        service(graph, _name(graph, one), _labels(graph, one), {port: number}, api_version=API_VERSION)
        for one, (port, number) in found
    ]


def pools(graph: Mapping[str, Any]) -> list[Object]:
    """The InferencePool of a graph with an endpoint picker: all of its workers."""
    name = graph["metadata"]["name"]
    return [
        {
            "apiVersion": POOL_VERSION,
            "kind": "InferencePool",
            "metadata": owned(graph, f"{name}-pool", {}, api_version=API_VERSION),
            "spec": {
                "selector": {"matchLabels": {_TYPE: "worker", _SPACE: _space(graph)}},
                "targetPorts": [{"number": PORT}],
                "endpointPickerRef": {"name": _name(graph, one), "port": {"number": PICKER_PORT}},
            },
        }
        for one in components(graph)
        if one.get("type") == "epp"
    ]


def _space(graph: Mapping[str, Any]) -> str:
    return f"{graph['metadata']['namespace']}-{graph['metadata']['name']}"


def _name(graph: Mapping[str, Any], component: Mapping[str, Any]) -> str:
    return f"{graph['metadata']['name']}-{component['name'].lower()}"


def _labels(graph: Mapping[str, Any], component: Mapping[str, Any]) -> dict[str, str]:
    return {_GRAPH: graph["metadata"]["name"], _COMPONENT: component["name"]}


def _replicas(component: Mapping[str, Any]) -> int:
    replicas = component.get("replicas")
    return 1 if replicas is None else int(replicas)


def _nodes(component: Mapping[str, Any]) -> int:
    return int((component.get("multinode") or {}).get("nodeCount") or 1)


def _template(graph: Mapping[str, Any], component: Mapping[str, Any]) -> Object:
    given: Mapping[str, Any] = component.get("podTemplate") or {}
    meta: Mapping[str, Any] = given.get("metadata") or {}
    spec: Object = {"containers": [{"name": "main", "image": "example/dynamo"}], **(given.get("spec") or {})}
    main, *others = spec["containers"]
    spec["containers"] = [{"ports": [{"name": "http", "containerPort": PORT}], **main}, *others]
    annotations = {**(meta.get("annotations") or {}), **knobs(graph["metadata"])}
    if component.get("type") == "frontend":
        # It finds the workers' models by itself.
        annotations[SERVES_ANNOTATION] = " ".join(dict.fromkeys(_models(graph)))
    kind = str(component.get("type") or "worker")
    labels = {
        **(meta.get("labels") or {}),
        **_labels(graph, component),
        _TYPE: "worker" if kind in ("prefill", "decode") else kind,
        _SPACE: _space(graph),
    }
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}


def _models(graph: Mapping[str, Any]) -> Iterator[str]:
    for component in components(graph):
        if component.get("type") in ("worker", "prefill", "decode"):
            template = component.get("podTemplate") or {}
            if (template.get("spec") or {}).get("containers"):
                yield from models_of(template)


def status(graph: Mapping[str, Any], ready: Mapping[str, int]) -> Object:
    """A graph's status; `ready`: pods by name of their Deployment."""
    reported: Object = {}
    serves = True
    for component in components(graph):
        wanted = _replicas(component)
        count = min(ready.get(_name(graph, component), 0) // _nodes(component), wanted)
        serves = serves and count >= wanted
        reported[component["name"]] = {
            "componentKind": "Deployment" if _nodes(component) == 1 else "PodCliqueScalingGroup",
            "replicas": wanted,
            "readyReplicas": count,
            "availableReplicas": count,
        }
    gone = set((graph.get("status") or {}).get("components") or {}) - set(reported)
    known = (graph.get("status") or {}).get("conditions") or []
    reason = "all_resources_are_ready" if serves else "some_resources_are_not_ready"
    entry = {"type": "Ready", "status": str(serves), "reason": reason, "message": reason.replace("_", " ")}
    return {
        "observedGeneration": graph["metadata"]["generation"],
        "state": "successful" if serves else "pending",
        "components": {**reported, **dict.fromkeys(gone)},
        "conditions": with_condition(known, entry),
    }
