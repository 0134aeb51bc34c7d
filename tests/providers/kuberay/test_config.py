"""What KubeRay registers about itself, and when it can be used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airunway.api import names
from airunway.provider.contract import UpstreamFacts, UpstreamKind
from airunway.providers.kuberay import PROVIDER


def test_registration() -> None:
    registration = PROVIDER.registration()

    (engine,) = registration.spec["capabilities"]["engines"]
    assert engine == {
        "name": "vllm",
        "servingModes": ["aggregated", "disaggregated"],
        "apiFormats": ["openai-chat"],
        "gpuSupport": True,
    }
    assert registration.spec["selectionRules"] == [
        {
            "condition": "has(spec.resources.gpu) && spec.resources.gpu.count > 1"
            " && spec.engine.type == 'vllm'",
            "priority": 80,
        }
    ]
    assert len(registration.annotations) == 8
    assert (
        json.loads(registration.annotations[names.ANNOTATION_CAPABILITIES])
        == registration.spec["capabilities"]
    )
    assert registration.annotations[names.ANNOTATION_DEFAULT_NAMESPACE] == "ray-system"
    installation = json.loads(registration.annotations[names.ANNOTATION_INSTALLATION])
    assert installation["helmCharts"] == [
        {
            "name": "kuberay-operator",
            "chart": "kuberay/kuberay-operator",
            "version": "1.7.0",
            "namespace": "ray-system",
            "createNamespace": True,
        }
    ]
    assert [step["command"] for step in installation["steps"]] == [
        "helm repo add kuberay https://ray-project.github.io/kuberay-helm/",
        "helm repo update",
        "helm upgrade --install kuberay-operator kuberay/kuberay-operator --version 1.7.0 "
        "-n ray-system --create-namespace --wait",
    ]


def kind(version: str, group: str = "ray.io", name: str = "RayService") -> UpstreamKind:
    return UpstreamKind(api_version=f"{group}/{version}", kind=name, plural="rayservices")


@pytest.mark.parametrize(
    ("kinds", "ready", "part"),
    [
        pytest.param([], False, "not installed", id="nothing is served"),
        pytest.param([kind("v1")], True, "", id="served"),
        pytest.param([kind("v1alpha1"), kind("v1")], True, "", id="among others"),
        pytest.param([kind("v1alpha1")], False, "v1alpha1", id="an old KubeRay"),
        pytest.param([kind("v1", name="RayCluster")], False, "not installed", id="another kind"),
    ],
)
def test_health(kinds: Any, ready: bool, part: str) -> None:
    health = PROVIDER.health(UpstreamFacts(kinds=kinds))

    assert (health.ready, health.crd_version, health.condition) == (ready, "ray.io/v1", "")
    assert part in health.message


def test_what_the_core_watches() -> None:
    assert [entry.plural for entry in PROVIDER.kinds] == ["rayservices", "persistentvolumeclaims"]
    assert PROVIDER.pod_selector("chat") == "airunway.ai/model-deployment=chat"
    assert PROVIDER.finalizer == "airunway.ai/kuberay-provider"


def test_nothing_is_ever_made_again() -> None:
    assert PROVIDER.replacement_reason({"kind": "RayService", "spec": {}}, {"kind": "RayService"}) is None
