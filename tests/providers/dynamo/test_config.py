"""Dynamo's registration, and the probe of its operator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airunway.provider.contract import UpstreamFacts, UpstreamKind
from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.release import VERSION

GRAPH = UpstreamKind(
    api_version="nvidia.com/v1alpha1", kind="DynamoGraphDeployment", plural="dynamographdeployments"
)
NEWER = UpstreamKind(
    api_version="nvidia.com/v1beta1", kind="DynamoGraphDeployment", plural="dynamographdeployments"
)
UNKNOWN = UpstreamKind(
    api_version="nvidia.com/v2", kind="DynamoGraphDeployment", plural="dynamographdeployments"
)
CLAIM = UpstreamKind(
    api_version="v1", kind="PersistentVolumeClaim", plural="persistentvolumeclaims", builtin=True
)


def operator(ready: int, name: str = "operator") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "dynamo-system", "name": name},
        "status": {"readyReplicas": ready},
    }


@pytest.mark.parametrize(
    ("facts", "ready", "reason"),
    [
        pytest.param(UpstreamFacts(kinds=[CLAIM]), False, "CRDMissing", id="not installed"),
        pytest.param(UpstreamFacts(kinds=[UNKNOWN]), False, "CRDMissing", id="only another version"),
        pytest.param(
            UpstreamFacts(kinds=[NEWER]), True, "UpstreamControllerUnknown", id="only the newer version"
        ),
        pytest.param(
            UpstreamFacts(kinds=[UNKNOWN, NEWER, GRAPH]),
            True,
            "UpstreamControllerUnknown",
            id="no operator in sight",
        ),
        pytest.param(
            UpstreamFacts(kinds=[GRAPH], deployments=[operator(0)]),
            False,
            "UpstreamControllerNotReady",
            id="the operator is down",
        ),
        pytest.param(
            UpstreamFacts(kinds=[GRAPH], deployments=[operator(0, "old"), operator(1)]),
            True,
            "UpstreamHealthy",
            id="one of two operators is up",
        ),
    ],
)
def test_health(facts: UpstreamFacts, ready: bool, reason: str) -> None:
    found = PROVIDER.health(facts)

    assert (found.ready, found.reason) == (ready, reason)
    assert found.message
    newest = "nvidia.com/v1beta1" if NEWER in facts.kinds else "nvidia.com/v1alpha1"
    assert (found.condition, found.crd_version) == ("UpstreamReady", newest)


def test_capabilities_stand_in_spec_and_annotation() -> None:
    registration = PROVIDER.registration()

    mirrored = json.loads(registration.annotations["airunway.ai/capabilities"])
    assert mirrored == registration.spec["capabilities"]


def test_core_knows_what_to_watch_and_where_the_pods_are() -> None:
    assert [kind.kind for kind in PROVIDER.kinds] == ["DynamoGraphDeployment", "PersistentVolumeClaim", "Job"]
    assert PROVIDER.operator_selector == "app.kubernetes.io/name=dynamo-operator"
    assert PROVIDER.pod_selector("chat") == "nvidia.com/dynamo-graph-deployment-name=chat"
    assert PROVIDER.replacement_reason({"kind": "DynamoGraphDeployment"}, {}) is None


def test_the_release_is_named_everywhere() -> None:
    installation = json.loads(PROVIDER.registration().annotations["airunway.ai/installation"])

    (chart,), (step,) = installation["helmCharts"], installation["steps"]
    assert chart["chart"].endswith(f"/dynamo-platform-{VERSION}.tgz")
    assert chart["chart"] in step["command"]
    assert VERSION in step["description"]
