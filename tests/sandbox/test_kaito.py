"""The pretend KAITO operator does with a Workspace what the real one does (kaito.md §15)."""

from __future__ import annotations

from typing import Any

from airunway.api.status import Phase
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Resource
from airunway.providers.kaito.status import read_status
from airunway.sandbox.operators.faults import FAULT_ANNOTATION
from airunway.sandbox.operators.kaito import FINALIZER, OPERATOR, WORKSPACES
from airunway.sandbox.operators.objects import Object
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of

STATEFUL_SETS = Resource("apps/v1", "statefulsets")
SERVICES = Resource("v1", "services")
GPU_NODES = {"kubernetes.io/os": "linux", "nvidia.com/gpu.present": "true"}


async def test_a_preset_comes_up_on_a_gpu_node(stage: Stage) -> None:
    await stage.create(WORKSPACES, workspace(preset={"name": "Qwen/Qwen3-0.6B"}))

    ready = await _until_state(stage, "Ready")

    assert read_status(ready).phase is Phase.RUNNING
    assert {entry["type"]: entry["status"] for entry in ready["status"]["conditions"]} == {
        "ResourceReady": "True",
        "InferenceReady": "True",
        "WorkspaceSucceeded": "True",
    }
    assert {entry["observedGeneration"] for entry in ready["status"]["conditions"]} == {1}
    (pod,) = await stage.pods(lambda pods: pods)
    assert pod["metadata"]["name"] == "phi-0"
    assert pod["metadata"]["labels"]["kaito.sh/workspace"] == "phi"
    assert pod["spec"]["nodeName"].startswith("sandbox-gpu")
    service = await stage.cluster.get(SERVICES, "phi", namespace=NAMESPACE)
    assert service["spec"]["ports"][0]["port"] == 80


async def test_a_template_runs_as_it_is(stage: Stage) -> None:
    containers = [{"name": "model", "image": "example/gguf:1"}]
    await stage.create(WORKSPACES, workspace(template={"spec": {"containers": containers}}, count=2))

    await _until_state(stage, "Ready")

    pods = await stage.pods(lambda pods: len(pods) == 2 and pods)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"example/gguf:1"}


async def test_a_template_change_is_not_rolled_out(stage: Stage) -> None:
    containers = [{"name": "model", "image": "example/gguf:1"}]
    await stage.create(WORKSPACES, workspace(template={"spec": {"containers": containers}}))
    await _until_state(stage, "Ready")

    change = {"inference": {"template": {"spec": {"containers": [{"name": "model", "image": "new:2"}]}}}}
    await stage.cluster.patch(WORKSPACES, "phi", change, namespace=NAMESPACE)
    await stage.until_one(
        WORKSPACES, "phi", lambda obj: condition_of(obj, "InferenceReady")["observedGeneration"] == 2
    )

    (pod,) = await stage.pods(lambda pods: pods)
    assert pod["spec"]["containers"][0]["image"] == "example/gguf:1"


async def test_a_failing_pod_leaves_the_workspace_not_ready(stage: Stage) -> None:
    body = workspace(preset={"name": "a/b"})
    body["metadata"]["annotations"] = {FAULT_ANNOTATION: "oom"}
    await stage.create(WORKSPACES, body)

    waiting = await _until_state(stage, "NotReady")

    assert read_status(waiting).phase is Phase.DEPLOYING
    assert await stage.events("BackOff")


async def test_no_node_matches(stage: Stage) -> None:
    body = workspace(preset={"name": "a/b"})
    body["resource"]["labelSelector"]["matchLabels"]["vendor"] = "x"
    await stage.create(WORKSPACES, body)

    waiting = await _until_state(stage, "Pending")

    assert condition_of(waiting, "ResourceReady")["status"] == "False"
    assert await stage.cluster.find(STATEFUL_SETS, "phi", namespace=NAMESPACE) is None


async def test_deleting_a_workspace_ends_its_objects(stage: Stage) -> None:
    await stage.create(WORKSPACES, workspace(preset={"name": "a/b"}))
    ready = await _until_state(stage, "Ready")
    assert FINALIZER in ready["metadata"]["finalizers"]

    await stage.cluster.delete(WORKSPACES, "phi", namespace=NAMESPACE)

    await stage.until(WORKSPACES, lambda objects: not objects)
    await stage.pods(lambda pods: not pods)
    await stage.until(
        SERVICES, lambda objects: not [obj for obj in objects if obj["metadata"]["name"].startswith("phi")]
    )


async def test_an_operator_that_is_down_does_nothing(stage: Stage) -> None:
    namespace, name = OPERATOR
    await stage.cluster.patch(APPS_DEPLOYMENTS, name, {"spec": {"replicas": 0}}, namespace=namespace)
    await stage.until_one(APPS_DEPLOYMENTS, name, lambda obj: not obj["status"].get("readyReplicas"))

    created = await stage.create(WORKSPACES, workspace(preset={"name": "a/b"}))
    assert "status" not in created

    await stage.cluster.patch(APPS_DEPLOYMENTS, name, {"spec": {"replicas": 1}}, namespace=namespace)
    await _until_state(stage, "Ready")


def workspace(*, count: int = 1, **inference: Any) -> Object:
    return {
        "apiVersion": "kaito.sh/v1beta1",
        "kind": "Workspace",
        "metadata": {"name": "phi"},
        "resource": {"count": count, "labelSelector": {"matchLabels": dict(GPU_NODES)}},
        "inference": inference,
    }


async def _until_state(stage: Stage, state: str) -> Object:
    return await stage.until_one(
        WORKSPACES, "phi", lambda obj: (obj.get("status") or {}).get("state") == state
    )
