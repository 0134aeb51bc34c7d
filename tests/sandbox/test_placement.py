"""Which node a pod gets, and why none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.sandbox.operators.placement import Placement, place


@dataclass(frozen=True)
class Case:
    reason: str
    want: Placement
    pod: dict[str, Any] = field(default_factory=dict)
    node: dict[str, Any] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)


def requests(**amounts: str) -> dict[str, Any]:
    named = {name.replace("gpu", "nvidia.com/gpu"): value for name, value in amounts.items()}
    return {"containers": [{"resources": {"requests": named}}]}


def affinity(operator: str, *values: str) -> dict[str, Any]:
    expression = {"key": "pool", "operator": operator, "values": list(values)}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


NO_MATCH = Placement(message="0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.")
TAINTED = {"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}}
TAINT = Placement(message="0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.")

CASES = [
    Case("nothing asked for fits", Placement("n")),
    Case("as much as there is fits", Placement("n"), pod=requests(cpu="4", gpu="2")),
    Case(
        "more than there is does not",
        Placement(message="0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient nvidia.com/gpu."),
        pod=requests(cpu="4500m", gpu="3"),
    ),
    Case(
        "what others have is gone",
        Placement(message="0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
        pod=requests(gpu="1"),
        running={"nvidia.com/gpu": "2"},
    ),
    Case("memory is compared by value", Placement("n"), pod=requests(memory="1024Mi")),
    Case("a limit counts as a request", Placement(message="0/1 nodes are available: 1 Insufficient cpu."),
         pod={"containers": [{"resources": {"limits": {"cpu": "5"}}}]}),
    Case("the selector fits", Placement("n"), pod={"nodeSelector": {"pool": "a"}}),
    Case("the selector does not", NO_MATCH, pod={"nodeSelector": {"pool": "b"}}),
    Case("affinity In", Placement("n"), pod=affinity("In", "a", "b")),
    Case("affinity NotIn", NO_MATCH, pod=affinity("NotIn", "a")),
    Case("affinity Exists", Placement("n"), pod=affinity("Exists")),
    Case("affinity DoesNotExist", NO_MATCH, pod=affinity("DoesNotExist")),
    Case("a taint", TAINT, node=TAINTED),
    Case("a taint that is tolerated", Placement("n"), node=TAINTED,
         pod={"tolerations": [{"key": "gpu", "operator": "Exists"}]}),
    Case("a taint tolerated by value", Placement("n"), node=TAINTED,
         pod={"tolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}),
    Case("another value is not tolerated", TAINT, node=TAINTED,
         pod={"tolerations": [{"key": "gpu", "value": "no"}]}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_placement(case: Case) -> None:
    allocatable = {"cpu": "4", "memory": "1Gi", "nvidia.com/gpu": "2"}
    node = {
        "metadata": {"name": "n", "labels": {"pool": "a"}},
        "status": {"allocatable": allocatable},
        **case.node,
    }
    other = {
        "spec": {"nodeName": "n", "containers": [{"resources": {"requests": case.running}}]},
        "status": {"phase": "Running"},
    }

    assert place({"spec": case.pod}, [node], [other]) == case.want


def test_without_nodes_there_is_nowhere() -> None:
    assert place({"spec": {}}, [], []).message == "no nodes available to schedule pods"


def test_a_pod_without_gpus_stays_off_the_nodes_that_have_them() -> None:
    nodes = [
        {"metadata": {"name": "a-gpu"}, "status": {"allocatable": {"cpu": "4", "nvidia.com/gpu": "4"}}},
        {"metadata": {"name": "b-cpu"}, "status": {"allocatable": {"cpu": "4"}}},
    ]

    assert place({"spec": requests(cpu="1")}, nodes, []).node == "b-cpu"
