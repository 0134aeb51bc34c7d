"""The manifests that run a provider's worker on its own."""

from __future__ import annotations

import pytest
import yaml

from airunway.clients.kubernetes import Object
from airunway.provider import Provider
from airunway.provider.registry import installed_providers
from tests.providers.rights import ROOT, manifest

PROVIDERS = installed_providers()
DASHBOARD = ROOT / "deploy" / "dashboard" / "reference-dashboard.yaml"


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return PROVIDERS[request.param]


def one(provider: str, kind: str) -> Object:
    """The manifest's object of a kind, which it has once."""
    (found,) = (obj for obj in manifest(provider) if obj["kind"] == kind)
    return found


def test_account_role_and_process_belong_together(provider: Provider) -> None:
    account = one(provider.name, "ServiceAccount")["metadata"]
    bindings = [obj for obj in manifest(provider.name) if obj["kind"] == "ClusterRoleBinding"]
    roles = [obj["metadata"]["name"] for obj in manifest(provider.name) if obj["kind"] == "ClusterRole"]
    deployment = one(provider.name, "Deployment")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]

    for binding in bindings:
        (subject,) = binding["subjects"]
        assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
    assert [binding["roleRef"]["name"] for binding in bindings] == roles
    assert roles == [f"{account['name']}-role", f"{account['name']}-objects"]
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


def test_the_dashboard_may_delete_the_token_secret_only() -> None:
    objects = list(yaml.safe_load_all(DASHBOARD.read_text()))
    roles = [obj for obj in objects if obj["kind"] == "Role"]
    bound = [obj["metadata"]["namespace"] for obj in objects if obj["kind"] == "RoleBinding"]

    for role in roles:
        (rule,) = role["rules"]
        assert (rule["resources"], rule["resourceNames"], rule["verbs"]) == (
            ["secrets"],
            ["hf-token-secret"],
            ["delete"],
        )
    made = [
        obj["metadata"]["name"] for name in PROVIDERS for obj in manifest(name) if obj["kind"] == "Namespace"
    ]
    assert sorted(role["metadata"]["namespace"] for role in roles) == sorted(bound) == sorted(made)


def test_nobody_may_have_rights_by_taking_the_dashboards_name(provider: Provider) -> None:
    """Its account comes with AI Runway; where it is not, the name is free."""
    subjects = [
        subject["name"]
        for obj in manifest(provider.name)
        if obj["kind"].endswith("RoleBinding")
        for subject in obj["subjects"]
    ]

    assert set(subjects) == {one(provider.name, "ServiceAccount")["metadata"]["name"]}
