"""What KAITO makes of a Workspace, and what it says about it. Pure but for the clock.

Shapes of KAITO 0.10: kaito.md §15.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.sandbox.operators.faults import knobs
from airunway.sandbox.operators.objects import Object, owner_reference, with_condition

API_VERSION = "kaito.sh/v1beta1"
WORKSPACE_LABEL = "kaito.sh/workspace"
PRESET_IMAGE = "mcr.microsoft.com/aks/kaito/kaito-base:0.1.2"
PORT = 5000


def node_count(workspace: Mapping[str, Any]) -> int:
    """resource.count; absent is 1."""
    count = (workspace.get("resource") or {}).get("count")
    return 1 if count is None else int(count)


def node_labels(workspace: Mapping[str, Any]) -> Mapping[str, str]:
    """resource.labelSelector.matchLabels."""
    selector = (workspace.get("resource") or {}).get("labelSelector") or {}
    labels: Mapping[str, str] = selector.get("matchLabels") or {}
    return labels


def stateful_set(workspace: Mapping[str, Any]) -> Object:
    """The StatefulSet of a Workspace; KAITO creates it once and never updates it."""
    name = workspace["metadata"]["name"]
    template = _template(workspace)
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(workspace, name),
        "spec": {
            "replicas": node_count(workspace),
            "serviceName": f"{name}-headless",
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {WORKSPACE_LABEL: name}},
            "template": template,
        },
    }


def services(workspace: Mapping[str, Any]) -> list[Object]:
    """The two Services of a Workspace; the first is the endpoint, and reaches pod 0 only."""
    name = workspace["metadata"]["name"]
    first_pod = {"statefulset.kubernetes.io/pod-name": f"{name}-0"}
    ports = [
        {"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"},
        {"name": "ray", "port": 6379, "targetPort": 6379, "protocol": "TCP"},
        {"name": "dashboard", "port": 8265, "targetPort": 8265, "protocol": "TCP"},
    ]
    endpoint: Object = {
        "type": "ClusterIP",
        "ports": ports,
        "selector": first_pod,
        "publishNotReadyAddresses": True,
    }
    headless: Object = {
        "clusterIP": "None",
        "ports": ports[:1],
        "selector": {WORKSPACE_LABEL: name},
        "publishNotReadyAddresses": True,
    }
    return [_service(workspace, name, endpoint), _service(workspace, f"{name}-headless", headless)]


def _service(workspace: Mapping[str, Any], name: str, spec: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(workspace, name), "spec": spec}


def _metadata(workspace: Mapping[str, Any], name: str) -> Object:
    return {
        "name": name,
        "namespace": workspace["metadata"]["namespace"],
        "labels": {WORKSPACE_LABEL: workspace["metadata"]["name"]},
        "ownerReferences": [owner_reference(workspace, API_VERSION, "Workspace")],
    }


def _template(workspace: Mapping[str, Any]) -> Object:
    inference: Mapping[str, Any] = workspace.get("inference") or {}
    given: Mapping[str, Any] = inference.get("template") or {}
    meta: Mapping[str, Any] = given.get("metadata") or {}
    spec: Object = dict(given["spec"]) if given.get("spec") else _preset_pod(inference)
    expressions = [
        {"key": key, "operator": "In", "values": [value]}
        for key, value in sorted(node_labels(workspace).items())
    ]
    if expressions:
        required = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    spec["tolerations"] = [
        *(spec.get("tolerations") or []),
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
    ]
    return {
        "metadata": {
            "labels": {**(meta.get("labels") or {}), WORKSPACE_LABEL: workspace["metadata"]["name"]},
            # Not KAITO's doing: lets a person try failures on a preset, whose pods are KAITO's alone.
            "annotations": {**(meta.get("annotations") or {}), **knobs(workspace["metadata"])},
        },
        "spec": spec,
    }


def _preset_pod(inference: Mapping[str, Any]) -> Object:
    model = str((inference.get("preset") or {}).get("name", ""))
    # KAITO gives its server a name of its own, which nobody can change.
    served = model.rsplit("/", 1)[-1].lower()
    command = f"python3 /workspace/vllm/inference_api.py --model={model} --served-model-name={served}"
    return {
        "containers": [
            {
                "name": "workspace",
                "image": PRESET_IMAGE,
                "command": ["/bin/sh", "-c", command],
                "ports": [{"containerPort": PORT}],
                "resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}},
            }
        ]
    }


def status(workspace: Mapping[str, Any], nodes: Sequence[str], ready: int, wanted: int | None) -> Object:
    """A Workspace's status.

    `nodes`: those that match its selector. `ready` and `wanted`: pods of its StatefulSet; `wanted` is None
    while there is no StatefulSet.
    """
    known = (workspace.get("status") or {}).get("conditions") or []
    serves = wanted is not None and ready >= wanted > 0
    conditions: list[Object] = [dict(entry) for entry in known]
    for entry in (
        _resource_condition(bool(nodes)),
        _inference_condition(serves, ready, wanted or 0),
        _succeeded_condition(serves),
    ):
        observed = {**entry, "observedGeneration": workspace["metadata"]["generation"]}
        conditions = with_condition(conditions, observed)
    state = "Ready" if serves else "NotReady" if wanted is not None else "Pending"
    return {
        "state": state,
        "targetNodeCount": node_count(workspace),
        "workerNodes": list(nodes[: node_count(workspace)]) or None,
        "conditions": conditions,
    }


def _resource_condition(found: bool) -> Object:
    if found:
        return _condition(
            "ResourceReady", True, "workspaceResourceStatusSuccess", "workspace resource is ready"
        )
    words = "no node matches the label selector of the workspace"
    return _condition("ResourceReady", False, "workspaceResourceStatusFailed", words)


def _inference_condition(serves: bool, ready: int, wanted: int) -> Object:
    if serves:
        words = "Inference has been deployed successfully"
        return _condition("InferenceReady", True, "WorkspaceInferenceStatusSuccess", words)
    words = f"waiting for the pods: {ready} of {wanted} ready"
    return _condition("InferenceReady", False, "WorkspaceInferenceStatusPending", words)


def _succeeded_condition(serves: bool) -> Object:
    if serves:
        return _condition("WorkspaceSucceeded", True, "workspaceSucceeded", "workspace succeeds")
    return _condition(
        "WorkspaceSucceeded", False, "workspacePending", "workspace has not completed inference"
    )


def _condition(name: str, value: bool, reason: str, message: str) -> Object:
    return {"type": name, "status": str(value), "reason": reason, "message": message}
