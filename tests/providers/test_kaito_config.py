"""What KAITO registers, and the probe of its operator."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from airunway.api.provider_config import ProviderConfigSpec
from airunway.provider.contract import UpstreamFacts, UpstreamKind
from airunway.providers.kaito import PROVIDER


def installation() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(PROVIDER.registration().annotations["airunway.ai/installation"])
    return parsed


def test_registration() -> None:
    registration = PROVIDER.registration()

    assert registration.annotations.keys() == {
        f"airunway.ai/{key}"
        for key in (
            "display-name",
            "description",
            "default-namespace",
            "documentation-url",
            "documentation",
            "capabilities",
            "health",
            "installation",
        )
    }
    assert (
        json.loads(registration.annotations["airunway.ai/capabilities"]) == registration.spec["capabilities"]
    )
    assert ProviderConfigSpec.model_validate(registration.spec).dump() == registration.spec
    assert registration.spec["selectionRules"] == [
        {"condition": "!has(spec.resources.gpu) || spec.resources.gpu.count == 0", "priority": 100},
        {"condition": "spec.engine.type == 'llamacpp'", "priority": 100},
    ]


def test_install_command_is_the_contracts_for_the_pinned_version() -> None:
    assert installation()["steps"][2]["command"] == (
        "helm upgrade --install kaito-workspace kaito/workspace --version 0.12.0 -n kaito-workspace "
        "--create-namespace --set featureGates.disableNodeAutoProvisioning=true "
        "--set nvidiaDevicePlugin.enabled=false --set localCSIDriver.useLocalCSIDriver=false "
        "--set gpu-feature-discovery.gfd.enabled=false "
        "--set gpu-feature-discovery.nfd.master.deploy=false "
        "--set gpu-feature-discovery.nfd.worker.deploy=false --wait"
    )


def test_chart_gets_the_values_of_the_manual_step() -> None:
    (chart,) = installation()["helmCharts"]
    command = installation()["steps"][2]["command"]

    manual = dict(entry.split("=") for entry in re.findall(r"--set (\S+)", command))

    assert {path: json.dumps(value) for path, value in chart["values"].items()} == manual


WORKSPACE = UpstreamKind(api_version="kaito.sh/v1beta1", kind="Workspace", plural="workspaces")
OLD = UpstreamKind(api_version="kaito.sh/v1alpha1", kind="Workspace", plural="workspaces")


def operator(name: str, ready: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "kube-system"}, "status": {"readyReplicas": ready}}


@pytest.mark.parametrize(
    ("kinds", "deployments", "ready", "reason", "part"),
    [
        pytest.param([], [], False, "CRDMissing", "kaito.sh", id="not installed"),
        pytest.param([OLD], [operator("a", 1)], False, "CRDMissing", "v1alpha1", id="too old"),
        pytest.param([WORKSPACE], [], False, "UpstreamControllerMissing", "az aks", id="kind only"),
        pytest.param(
            [WORKSPACE], [operator("a", 0)], False, "UpstreamControllerNotReady", "kube-system/a", id="down"
        ),
        pytest.param(
            [OLD, WORKSPACE],
            [operator("a", 0), operator("b", 1)],
            True,
            "UpstreamHealthy",
            "kube-system/b",
            id="one of two is up",
        ),
    ],
)
def test_health(kinds: Any, deployments: Any, ready: bool, reason: str, part: str) -> None:
    health = PROVIDER.health(UpstreamFacts(kinds=kinds, deployments=deployments))

    assert (health.ready, health.reason, health.condition) == (ready, reason, "UpstreamReady")
    assert part in health.message
    assert health.crd_version == "kaito.sh/v1beta1"
