"""How clients find out what is served: version, groups, resources, OpenAPI."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Space

KINDS = [
    ("/api/v1", "namespaces", "Namespace", False, ["ns"]),
    ("/api/v1", "pods", "Pod", True, ["po"]),
    ("/api/v1", "services", "Service", True, ["svc"]),
    ("/api/v1", "configmaps", "ConfigMap", True, ["cm"]),
    ("/api/v1", "secrets", "Secret", True, None),
    ("/api/v1", "events", "Event", True, ["ev"]),
    ("/api/v1", "serviceaccounts", "ServiceAccount", True, ["sa"]),
    ("/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim", True, ["pvc"]),
    ("/api/v1", "nodes", "Node", False, ["no"]),
    ("/apis/apps/v1", "deployments", "Deployment", True, ["deploy"]),
    ("/apis/apps/v1", "statefulsets", "StatefulSet", True, ["sts"]),
    ("/apis/apps/v1", "replicasets", "ReplicaSet", True, ["rs"]),
    ("/apis/apps/v1", "daemonsets", "DaemonSet", True, ["ds"]),
    ("/apis/batch/v1", "jobs", "Job", True, None),
    ("/apis/coordination.k8s.io/v1", "leases", "Lease", True, None),
    ("/apis/rbac.authorization.k8s.io/v1", "roles", "Role", True, None),
    ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", False, None),
    (
        "/apis/apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        False,
        ["crd", "crds"],
    ),
    ("/apis/models.example.com/v1", "modelservers", "ModelServer", True, None),
    ("/apis/models.example.com/v1", "modelclasses", "ModelClass", False, None),
]
ALL_VERBS = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}


async def test_the_version_is_one_clients_know(api: Api):
    version = (await api.get("/version")).ok()

    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor']}.")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_health(api: Api, path: str):
    assert (await api.get(path)).body == "ok"


@pytest.mark.parametrize(("path", "plural", "kind", "namespaced", "short"), KINDS)
async def test_a_resource_list_describes_each_kind(
    api: Api, custom: Space, path: str, plural: str, kind: str, namespaced: bool, short: list[str] | None
):
    resources = {entry["name"]: entry for entry in (await api.get(path)).ok()["resources"]}

    found = resources[plural]
    assert (found["kind"], found["namespaced"], found.get("shortNames")) == (kind, namespaced, short)
    assert found["singularName"] == kind.lower()
    assert set(found["verbs"]) == ALL_VERBS - ({"deletecollection"} if kind == "Namespace" else set())


async def test_subresources_are_listed_with_their_kind(api: Api, custom: Space):
    apps = {entry["name"]: entry for entry in (await api.get("/apis/apps/v1")).ok()["resources"]}
    own = {entry["name"]: entry for entry in (await api.get("/apis/models.example.com/v1")).ok()["resources"]}

    scale = apps["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    assert set(scale["verbs"]) == {"get", "patch", "update"}
    assert set(own["modelservers/status"]["verbs"]) == {"get", "patch", "update"}


async def test_groups_are_listed(api: Api, custom: Space):
    core = (await api.get("/api")).ok()
    groups = {group["name"]: group for group in (await api.get("/apis")).ok()["groups"]}
    one = (await api.get("/apis/models.example.com")).ok()

    assert core["versions"] == ["v1"]
    assert {"apps", "batch", "models.example.com", "apiextensions.k8s.io"} <= groups.keys()
    version = {"groupVersion": "models.example.com/v1", "version": "v1"}
    assert groups["models.example.com"] == {
        "name": "models.example.com",
        "versions": [version],
        "preferredVersion": version,
    }
    assert one == {"kind": "APIGroup", "apiVersion": "v1", **groups["models.example.com"]}


async def test_a_group_nobody_serves_is_not_found(api: Api):
    assert (await api.get("/apis/none.example.com/v1")).code == 404
    assert (await api.get("/apis/none.example.com")).code == 404


async def test_openapi_points_to_a_document_per_version(api: Api, custom: Space):
    paths = (await api.get("/openapi/v3")).ok()["paths"]

    assert {"api/v1", "apis/apps/v1", "apis/models.example.com/v1"} <= paths.keys()
    document = (await api.get(paths["apis/models.example.com/v1"]["serverRelativeURL"])).ok()
    schemas = document["components"]["schemas"]
    assert "com.example.models.v1.ModelServer" in schemas
    schema = schemas["com.example.models.v1.ModelServer"]
    assert schema["x-kubernetes-group-version-kind"] == [
        {"group": "models.example.com", "kind": "ModelServer", "version": "v1"}
    ]
    assert schema["properties"]["spec"]["properties"]["engine"]["type"] == "object"


async def test_openapi_tells_merge_keys_and_field_validation(api: Api, space: Space):
    document = (await api.get("/openapi/v3/apis/apps/v1")).ok()

    container = document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert container["x-kubernetes-patch-merge-key"] == "name"
    assert container["x-kubernetes-list-map-keys"] == ["name"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "kind": "Deployment",
        "version": "v1",
    }
