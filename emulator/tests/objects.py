"""Objects and paths the tests share."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kube_emulator.testing import Api

Obj = dict[str, Any]
DEFINITIONS = Path(__file__).with_name("definitions.yaml")
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CLASSES = "/apis/models.example.com/v1/modelclasses"


class Space:
    """The paths of one namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.core = f"/api/v1/namespaces/{name}"
        self.config_maps = f"{self.core}/configmaps"
        self.secrets = f"{self.core}/secrets"
        self.services = f"{self.core}/services"
        self.pods = f"{self.core}/pods"
        self.events = f"{self.core}/events"
        self.deployments = f"/apis/apps/v1/namespaces/{name}/deployments"
        self.stateful_sets = f"/apis/apps/v1/namespaces/{name}/statefulsets"
        self.replica_sets = f"/apis/apps/v1/namespaces/{name}/replicasets"
        self.daemon_sets = f"/apis/apps/v1/namespaces/{name}/daemonsets"
        self.jobs = f"/apis/batch/v1/namespaces/{name}/jobs"
        self.leases = f"/apis/coordination.k8s.io/v1/namespaces/{name}/leases"
        self.roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/roles"
        self.models = f"/apis/models.example.com/v1/namespaces/{name}/modelservers"


@cache
def _crd_texts() -> tuple[Obj, ...]:
    return tuple(yaml.safe_load_all(DEFINITIONS.read_text()))


def crds() -> list[Obj]:
    return [copy.deepcopy(crd) for crd in _crd_texts()]


def config_map(name: str, data: Obj | None = None, **metadata: Any) -> Obj:
    obj: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return obj | ({"data": data} if data is not None else {})


def pod_spec(**more: Any) -> Obj:
    return {"containers": [{"name": "main", "image": "example.com/app:1", **more}]}


def pod(name: str, **metadata: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": pod_spec()}


def deployment(name: str, *, kind: str = "Deployment", replicas: int | None = 0, **container: Any) -> Obj:
    """A workload; of no replicas, so that nobody makes pods for it."""
    labels = {"app": name}
    spec: Obj = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod_spec(**container)},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def service(name: str, **spec: Any) -> Obj:
    body = {"selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": body}


def job(name: str, **spec: Any) -> Obj:
    template = {"spec": {**pod_spec(), "restartPolicy": "Never"}}
    body = {"suspend": True, "template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": body}


def lease(name: str, **spec: Any) -> Obj:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}


def model(name: str, status: Obj | None = None, **spec: Any) -> Obj:
    """A ModelServer; one given a status has no spec, as a status apply wants it."""
    obj: Obj = {"apiVersion": "models.example.com/v1", "kind": "ModelServer", "metadata": {"name": name}}
    if status is not None:
        return obj | {"status": status}
    return obj | {"spec": {"model": {"id": "owner/name"}, **spec}}


def ready_condition(kind: str = "Ready", status: str = "True") -> Obj:
    return {
        "type": kind,
        "status": status,
        "reason": "Because",
        "message": "",
        "lastTransitionTime": "2024-01-02T03:04:05Z",
    }


def owner(obj: Obj, *, blocks: bool = False) -> Obj:
    """An owner reference to a stored object."""
    reference = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
    }
    return reference | ({"blockOwnerDeletion": True} if blocks else {})


def crd(
    group: str,
    schema: Obj,
    *,
    kind: str = "Widget",
    scope: str = "Namespaced",
    status: Obj | None = None,
    **version: Any,
) -> Obj:
    """A definition of one version with a schema for `spec`; `status`: that of the status, else anything."""
    plural = kind.lower() + "s"
    status = status or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    root = {"type": "object", "properties": {"spec": copy.deepcopy(schema), "status": status}}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [served],
        },
    }


def fields_of(obj: Obj, manager: str, operation: str = "Apply", subresource: str = "") -> Obj | None:
    """What a manager owns; None when it owns nothing."""
    for entry in obj["metadata"].get("managedFields", ()):
        if (entry["manager"], entry["operation"], entry.get("subresource", "")) == (
            manager,
            operation,
            subresource,
        ):
            return entry["fieldsV1"]
    return None


def managers_of(obj: Obj) -> list[tuple[str, str, str]]:
    entries = obj["metadata"].get("managedFields", ())
    return [(entry["manager"], entry["operation"], entry.get("subresource", "")) for entry in entries]


async def rehearsed(api: Api, path: str, body: Obj) -> Obj:
    """The object as it would be created, untouched by controllers."""
    return (await api.create(path, body, query={"dryRun": "All"})).ok()


def widget(version: str, spec: Obj, name: str = "w") -> Obj:
    return {"apiVersion": version, "kind": "Widget", "metadata": {"name": name}, "spec": spec}
