"""The manifests that run a provider's worker on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.provider.contract import Provider
from airunway.providers.kaito import PROVIDER as KAITO
from airunway.providers.vllm import PROVIDER as VLLM

PROVIDERS = Path(__file__).resolve().parents[2] / "providers"
WRITES = {"get", "list", "watch", "create", "patch", "delete"}


def manifests(provider: Provider) -> dict[str, dict[str, Any]]:
    """Objects by kind; of roles the cluster's."""
    path = PROVIDERS / provider.name / "deploy" / f"{provider.name}.yaml"
    return {entry["kind"]: entry for entry in yaml.safe_load_all(path.read_text())}


def rights(provider: Provider) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in manifests(provider)["ClusterRole"]["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


@pytest.mark.parametrize("provider", [KAITO, VLLM], ids=lambda provider: provider.name)
class TestManifest:
    def test_it_may_write_every_kind_of_its_provider(self, provider: Provider) -> None:
        for kind in provider.kinds:
            assert rights(provider)[kind.group, kind.plural] >= WRITES

    def test_it_may_read_what_a_diagnosis_needs(self, provider: Provider) -> None:
        granted = rights(provider)

        for group, plural in (
            ("", "pods"),
            ("", "events"),
            ("apps", "replicasets"),
            ("apps", "statefulsets"),
        ):
            assert granted[group, plural] >= {"get", "list"}
        assert granted["apps", "deployments"] >= {"get", "list"}

    def test_it_may_not_read_secrets_or_nodes(self, provider: Provider) -> None:
        assert not {"secrets", "nodes", "*"} & {plural for _, plural in rights(provider)}

    def test_it_runs_the_worker_of_its_provider(self, provider: Provider) -> None:
        deployment = manifests(provider)["Deployment"]
        pod = deployment["spec"]["template"]
        (container,) = pod["spec"]["containers"]

        assert deployment["metadata"]["name"] == f"airunway-{provider.name}-provider"
        assert deployment["spec"]["selector"]["matchLabels"] == {
            "app.kubernetes.io/name": "airunway",
            "control-plane": f"{provider.name}-provider",
        }
        assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert container["command"] == ["airunway", "worker", "--provider", provider.name, "--no-core"]
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
            "metrics": 8443,
            "health": 8081,
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert pod["spec"]["terminationGracePeriodSeconds"] == 10
