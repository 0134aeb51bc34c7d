"""A pod that waits for devices which the deployment's own earlier pods hold is told so."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.diagnosis import diagnose

GPU = "nvidia.com/gpu"
SHORT = f"0/2 nodes are available: 2 Insufficient {GPU}. preemption: 0/2 nodes are available."


def pod(name: str, version: str, *, gpus: int = 4, node: str = "", phase: str = "", **metadata: Any) -> Any:
    waits = [{"type": "PodScheduled", "status": "False", "message": SHORT}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"pod-template-hash": version}, **metadata},
        "spec": {
            "containers": [{"name": "vllm", "resources": {"limits": {GPU: str(gpus)}}}],
            **({"nodeName": node} if node else {}),
        },
        "status": {"phase": phase or ("Running" if node else "Pending"), "conditions": [] if node else waits},
    }


def message(*pods: Any) -> str:
    (found,) = diagnose(pods, [])
    assert found.reason == "Unschedulable"
    return found.message


NEW = pod("chat-new-1", "b")
OLD = [pod("chat-old-1", "a", node="n1"), pod("chat-old-2", "a", node="n2")]


def test_own_earlier_pods_are_named_with_what_they_hold() -> None:
    said = message(NEW, *OLD)

    assert f"own earlier pods hold 8 {GPU}: chat-old-1, chat-old-2" in said
    assert "airunway.ai/rollout" in said
    assert "add nodes" not in said


def test_earlier_pods_that_end_are_waited_for() -> None:
    ending = pod("chat-old-1", "a", node="n1", deletionTimestamp="2026-01-05T09:00:00Z")

    assert message(NEW, ending).endswith("which are ending")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(pod("chat-new-2", "b", node="n1"), id="of the same version"),
        pytest.param(pod("chat-old-1", "a", gpus=0, node="n1"), id="without devices"),
        pytest.param(pod("chat-old-1", "a", node="n1", phase="Succeeded"), id="that is done"),
    ],
)
def test_another_pod_holds_nothing_of_it(other: Any) -> None:
    assert "free or add nodes with nvidia.com/gpu" in message(NEW, other)


def test_ray_tells_versions_by_the_cluster() -> None:
    new, old = pod("new", "x"), pod("old", "x", node="n1")
    new["metadata"]["labels"] = {"ray.io/cluster": "chat-raycluster-b"}
    old["metadata"]["labels"] = {"ray.io/cluster": "chat-raycluster-a"}

    assert "own earlier pods hold 4" in message(new, old)
