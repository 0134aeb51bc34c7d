"""The manifest of the worker that serves Dynamo alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import airunway.providers.dynamo
from airunway.providers.dynamo import PROVIDER

MANIFEST = Path(airunway.providers.dynamo.__file__).parent / "deploy" / "dynamo.yaml"
OBJECTS: dict[str, Any] = {obj["kind"]: obj for obj in yaml.safe_load_all(MANIFEST.read_text())}


def verbs(group: str, resource: str) -> set[str]:
    return {
        verb
        for rule in OBJECTS["ClusterRole"]["rules"]
        if group in rule["apiGroups"] and resource in rule["resources"]
        for verb in rule["verbs"]
    }


MADE_ONCE = {"get", "list", "watch", "create", "delete"}


@pytest.mark.parametrize(
    ("group", "resource", "wanted"),
    [
        ("nvidia.com", "dynamographdeployments", {*MADE_ONCE, "patch", "update"}),
        ("nvidia.com", "dynamographdeployments/status", {"get"}),
        ("", "persistentvolumeclaims", MADE_ONCE),
        ("batch", "jobs", MADE_ONCE),
        ("airunway.ai", "modeldeployments", {"get", "list", "watch", "patch", "update"}),
        ("airunway.ai", "modeldeployments/status", {"get", "patch", "update"}),
        ("airunway.ai", "modeldeployments/finalizers", {"update"}),
        ("airunway.ai", "inferenceproviderconfigs", {"get", "list", "watch", "create", "patch", "update"}),
        ("airunway.ai", "inferenceproviderconfigs/status", {"get", "patch", "update"}),
        ("", "pods", {"get", "list"}),
        ("", "events", {"get", "list", "create", "patch"}),
        ("apps", "deployments", {"get", "list"}),
        ("apps", "replicasets", {"get", "list"}),
        ("apps", "statefulsets", {"get", "list"}),
        ("coordination.k8s.io", "leases", {*MADE_ONCE, "patch", "update"}),
        ("", "secrets", set()),
    ],
)
def test_rights_of_the_worker(group: str, resource: str, wanted: set[str]) -> None:
    assert verbs(group, resource) == wanted


def test_every_kind_of_the_provider_has_rights() -> None:
    assert all(verbs(kind.group, kind.plural) >= MADE_ONCE for kind in PROVIDER.kinds)


def test_account_role_and_process_belong_together() -> None:
    account = OBJECTS["ServiceAccount"]["metadata"]
    (subject,) = OBJECTS["ClusterRoleBinding"]["subjects"]
    spec = OBJECTS["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]

    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
    assert OBJECTS["ClusterRoleBinding"]["roleRef"]["name"] == OBJECTS["ClusterRole"]["metadata"]["name"]
    assert spec["serviceAccountName"] == account["name"]
    assert container["command"] == ["airunway", "worker", "--provider", PROVIDER.name, "--no-core"]
    selector = OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"].items()


def test_dashboard_may_delete_the_token_secret_only() -> None:
    (rule,) = OBJECTS["Role"]["rules"]

    assert OBJECTS["Role"]["metadata"]["namespace"] == OBJECTS["Namespace"]["metadata"]["name"]
    assert (rule["resources"], rule["resourceNames"], rule["verbs"]) == (
        ["secrets"],
        ["hf-token-secret"],
        ["delete"],
    )
