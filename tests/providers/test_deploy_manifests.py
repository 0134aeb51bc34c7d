"""The manifests that run a provider's worker on its own."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.kubernetes import Object
from airunway.provider import Provider
from airunway.provider.registry import installed_providers
from tests.providers.rights import granted, manifest

PROVIDERS = installed_providers()
MADE_ONCE = {"get", "list", "watch", "create", "delete"}
WRITES = {*MADE_ONCE, "patch"}
DIAGNOSIS = [("", "pods"), ("", "events"), ("apps", "replicasets"), ("apps", "statefulsets")]


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return PROVIDERS[request.param]


def one(provider: str, kind: str) -> Object:
    """The manifest's object of a kind, which it has once."""
    (found,) = (obj for obj in manifest(provider) if obj["kind"] == kind)
    return found


def verbs(provider: str, group: str, resource: str) -> set[str]:
    return {right[2] for right in granted(manifest(provider)) if right[:2] == (group, resource)}


def test_it_may_write_every_kind_of_its_provider(provider: Provider) -> None:
    for kind in provider.kinds:
        once = provider.name == "dynamo" and kind.builtin  # claims and Jobs are made and deleted by stages
        assert verbs(provider.name, kind.group, kind.plural) >= (MADE_ONCE if once else WRITES)


@pytest.mark.parametrize(("group", "resource"), [*DIAGNOSIS, ("apps", "deployments")])
def test_it_may_read_what_a_diagnosis_needs(provider: Provider, group: str, resource: str) -> None:
    assert verbs(provider.name, group, resource) >= {"get", "list"}


def test_it_may_not_read_secrets_or_nodes(provider: Provider) -> None:
    assert not {"secrets", "nodes", "*"} & {plural for _, plural, _ in granted(manifest(provider.name))}


def test_account_role_and_process_belong_together(provider: Provider) -> None:
    account = one(provider.name, "ServiceAccount")["metadata"]
    binding = one(provider.name, "ClusterRoleBinding")
    deployment = one(provider.name, "Deployment")
    pod = deployment["spec"]["template"]
    (subject,) = binding["subjects"]
    (container,) = pod["spec"]["containers"]

    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
    assert binding["roleRef"]["name"] == one(provider.name, "ClusterRole")["metadata"]["name"]
    assert pod["spec"]["serviceAccountName"] == account["name"]
    assert deployment["metadata"]["name"] == f"airunway-{provider.name}-provider"
    assert container["command"] == ["airunway", "worker", "--provider", provider.name, "--no-core"]


def test_its_process_is_confined_and_found(provider: Provider) -> None:
    spec = one(provider.name, "Deployment")["spec"]
    pod = spec["template"]
    (container,) = pod["spec"]["containers"]

    assert spec["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "airunway",
        "control-plane": f"{provider.name}-provider",
    }
    assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"metrics": 8443, "health": 8081}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 10


@pytest.mark.parametrize(
    ("group", "resource", "wanted"),
    [
        ("nvidia.com", "dynamographdeployments", {*WRITES, "update"}),
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
        ("coordination.k8s.io", "leases", {*WRITES, "update"}),
        ("", "secrets", set()),
    ],
)
def test_all_rights_of_dynamos_worker(group: str, resource: str, wanted: set[str]) -> None:
    assert verbs("dynamo", group, resource) == wanted


@pytest.mark.parametrize(
    ("group", "resource", "wanted"),
    [
        ("airunway.ai", "modeldeployments", {"get", "list", "watch", "patch", "update"}),
        ("airunway.ai", "modeldeployments/finalizers", {"update"}),
        ("airunway.ai", "inferenceproviderconfigs", {"get", "create", "patch"}),
        ("airunway.ai", "inferenceproviderconfigs/status", {"get", "patch"}),
        ("", "events", {"get", "list", "create", "patch"}),
        ("coordination.k8s.io", "leases", {"get", "create", "update", "patch"}),
    ],
)
def test_other_rights_of_every_worker(
    provider: Provider, group: str, resource: str, wanted: set[str]
) -> None:
    assert verbs(provider.name, group, resource) >= wanted


def token_roles(provider: str) -> dict[str, list[Any]]:
    """Rules of the Roles beside the ClusterRole, by namespace."""
    roles = [obj for obj in manifest(provider) if obj["kind"] == "Role"]
    return {role["metadata"]["namespace"]: role["rules"] for role in roles}


def test_the_dashboard_may_delete_the_token_secret_only() -> None:
    ((namespace, (rule,)),) = token_roles("dynamo").items()

    assert namespace == one("dynamo", "Namespace")["metadata"]["name"]
    assert (rule["resources"], rule["resourceNames"], rule["verbs"]) == (
        ["secrets"],
        ["hf-token-secret"],
        ["delete"],
    )


def test_token_secrets_can_be_deleted_where_they_are_written() -> None:
    assert list(token_roles("kuberay")) == ["kuberay-system", "ray-system"]
