"""Space on the disks of nodes is counted by whatever way it is asked for; volumes in memory are memory."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airunway.provider.counting import builtin_demand
from airunway.provider.manifest import RenderError
from airunway.providers.dynamo.config import BETA
from airunway.providers.dynamo.limits import graph_demand
from tests.providers.guarding import OPEN, Overrides, container, in_pod, overriding, pod_of, refusal, volume

WITH_PODS = ("dynamo", "kaito", "kuberay", "vllm")
LARGE = "64Ti"
GI = 1024**3
DEVICES = "deviceclass.resource.kubernetes.io/gpu.example.com"


def deployment_of(pod: dict[str, Any]) -> dict[str, Any]:
    spec = {"replicas": 2, "strategy": {"type": "Recreate"}, "template": {"spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


def asking(**resources: str) -> dict[str, Any]:
    return {"resources": {"limits": {name.replace("_", "-"): value for name, value in resources.items()}}}


def empty(size: str, **fields: Any) -> dict[str, Any]:
    return {"name": "v", "emptyDir": {"sizeLimit": size, **fields}}


@pytest.mark.parametrize(
    ("pod", "disk", "memory"),
    [
        pytest.param({"containers": [asking(ephemeral_storage="3Gi")] * 2}, 6, 0, id="of its containers"),
        pytest.param({"volumes": [empty("3Gi"), empty("4Gi")]}, 7, 0, id="empty volumes"),
        pytest.param(
            {"containers": [asking(ephemeral_storage="5Gi")], "volumes": [empty("3Gi")]},
            5,
            0,
            id="volumes are within what containers may take",
        ),
        pytest.param({"initContainers": [asking(ephemeral_storage="9Gi")]}, 9, 0, id="what runs first"),
        pytest.param({"volumes": [empty("3Gi", medium="Memory")]}, 0, 3, id="a volume in memory"),
        pytest.param(
            {"containers": [asking(memory="8Gi")], "volumes": [empty("3Gi", medium="Memory")]},
            0,
            8,
            id="a volume in memory is within what containers may take",
        ),
        pytest.param({"volumes": [empty("3Gi", medium="HugePages-2Mi")]}, 0, 3, id="a volume in huge pages"),
        pytest.param({"volumes": [{"name": "v", "emptyDir": {}}]}, 0, 0, id="a volume without a size"),
    ],
)
def test_what_a_pod_may_write_is_counted(pod: dict[str, Any], disk: int, memory: int) -> None:
    demand = builtin_demand(deployment_of(pod))

    assert (demand.ephemeral_storage / GI, demand.memory / GI) == (2 * disk, 2 * memory)


@pytest.mark.parametrize("size", ["many", [], True, {}])
def test_a_size_that_cannot_be_read_is_refused(size: Any) -> None:
    pod = {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": size}}]}

    with pytest.raises(RenderError, match=r"volumes\[0\].emptyDir.sizeLimit"):
        builtin_demand(deployment_of(pod))


@pytest.mark.parametrize("name", WITH_PODS)
@pytest.mark.parametrize(
    ("pod", "setting"),
    [
        pytest.param(volume(emptyDir={"sizeLimit": LARGE}), "AIRUNWAY_MAX_EPHEMERAL_STORAGE", id="a volume"),
        pytest.param(
            volume(emptyDir={"sizeLimit": LARGE, "medium": "Memory"}),
            "AIRUNWAY_MAX_MEMORY",
            id="a volume in memory",
        ),
        pytest.param(
            container(**asking(ephemeral_storage=LARGE)), "AIRUNWAY_MAX_EPHEMERAL_STORAGE", id="a container"
        ),
    ],
)
def test_no_override_asks_for_more_than_the_ceiling(name: str, pod: Overrides, setting: str) -> None:
    assert setting in refusal(name, pod_of(name, pod), policy=OPEN)


@pytest.mark.parametrize("name", WITH_PODS)
def test_a_volume_below_the_ceiling_may_be_asked_for(name: str) -> None:
    assert refusal(name, pod_of(name, volume(emptyDir={"sizeLimit": "10Gi"}))) == ""


def test_a_ceiling_holds_for_all_pods_together() -> None:
    overrides = in_pod("vllm", volume(emptyDir={"sizeLimit": "1Ti"}))

    said = refusal("vllm", overriding("vllm", overrides, scaling={"replicas": 20}))

    assert "AIRUNWAY_MAX_EPHEMERAL_STORAGE" in said
    assert refusal("vllm", overriding("vllm", overrides, scaling={"replicas": 2})) == ""


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param({"spec": {"services": {"W": {"sharedMemory": {"size": "5Gi"}}}}}, id="v1alpha1"),
        pytest.param(
            {"apiVersion": BETA, "spec": {"components": [{"name": "W", "sharedMemorySize": "5Gi"}]}},
            id="v1beta1",
        ),
    ],
)
def test_memory_that_a_graphs_processes_share_is_memory(graph: dict[str, Any]) -> None:
    assert graph_demand(graph).memory == 5 * GI


def test_shared_memory_that_is_switched_off_is_none() -> None:
    graph = {"spec": {"services": {"W": {"sharedMemory": {"size": "5Gi", "disabled": True}}}}}

    assert graph_demand(graph).memory == 0


def test_of_a_graphs_own_form_disks_are_no_devices() -> None:
    custom = {"ephemeral-storage": "5Gi", DEVICES: "2", "example.com/nic": 1}
    graph = {"spec": {"services": {"W": {"resources": {"limits": {"gpu": "1", "custom": custom}}}}}}

    demand = graph_demand(graph)

    assert (demand.ephemeral_storage, demand.gpus) == (Decimal(5 * GI), Decimal(4))
