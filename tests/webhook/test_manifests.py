"""The shipped webhook manifests: registered as crds.md §4.1 says, and with no more rights than needed."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api import names
from airunway.workers.settings import Settings
from tests.deploy.manifests import CORE, objects, of_kind

OBJECTS = objects(CORE, "webhook*.yaml")


@pytest.mark.parametrize(
    ("kind", "configuration", "webhook", "path"),
    [
        (
            "MutatingWebhookConfiguration",
            names.MUTATING_CONFIGURATION,
            "mmodeldeployment-v1alpha1.kb.io",
            names.MUTATING_PATH,
        ),
        (
            "ValidatingWebhookConfiguration",
            names.VALIDATING_CONFIGURATION,
            "vmodeldeployment-v1alpha1.kb.io",
            names.VALIDATING_PATH,
        ),
    ],
    ids=["mutating", "validating"],
)
def test_registration(kind: str, configuration: str, webhook: str, path: str) -> None:
    assert of_kind(kind, OBJECTS)[configuration]["webhooks"] == [
        {
            "name": webhook,
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "service": {"name": "airunway-webhook-service", "namespace": "airunway-system", "path": path}
            },
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "rules": [
                {
                    "apiGroups": ["airunway.ai"],
                    "apiVersions": ["v1alpha1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["modeldeployments"],
                    "scope": "*",  # what the server fills in: else an apply over it conflicts
                }
            ],
        }
    ]


def test_the_service_leads_to_the_server() -> None:
    service = of_kind("Service", OBJECTS)["airunway-webhook-service"]["spec"]
    pod = of_kind("Deployment", OBJECTS)["airunway-webhook"]["spec"]["template"]

    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(443, 9443)]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports["webhook-server"] == Settings(_env_file=None).webhook_port == 9443


def test_the_secret_comes_empty() -> None:
    secret = of_kind("Secret", OBJECTS)[names.WEBHOOK_SECRET]

    assert "data" not in secret and "stringData" not in secret


def test_rights_are_limited_to_single_objects() -> None:
    rules: list[dict[str, Any]] = []
    for kind in ("Role", "ClusterRole"):
        rules += [rule for role in of_kind(kind, OBJECTS).values() for rule in role["rules"]]

    assert {
        (resource, tuple(rule.get("resourceNames", ["*"])), tuple(rule["verbs"]))
        for rule in rules
        for resource in rule["resources"]
    } == {
        ("inferenceproviderconfigs", ("*",), ("get", "list", "watch")),
        ("namespaces", ("*",), ("get", "list", "watch")),
        ("mutatingwebhookconfigurations", (names.MUTATING_CONFIGURATION,), ("get", "patch")),
        ("validatingwebhookconfigurations", (names.VALIDATING_CONFIGURATION,), ("get", "patch")),
        ("secrets", (names.WEBHOOK_SECRET,), ("get", "patch")),
    }
    assert [rule["resources"] for role in of_kind("Role", OBJECTS).values() for rule in role["rules"]] == [
        ["secrets"]
    ]
