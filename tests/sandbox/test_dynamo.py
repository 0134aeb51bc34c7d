"""The pretend Dynamo operator makes of a graph what the real one does, and says how it stands."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.status import Phase
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, PODS, Resource
from airunway.providers.dynamo.status import read_status
from airunway.sandbox.gateway.definitions import GATEWAY_API
from airunway.sandbox.operators import dynamo
from airunway.sandbox.operators.dynamo import GRAPHS
from airunway.sandbox.operators.faults import FAULT_ANNOTATION
from airunway.sandbox.operators.objects import Object
from airunway.sandbox.operators.upstream import install
from airunway.sandbox.serving.names import models_of
from tests.sandbox.conftest import NAMESPACE, Stage

LABEL = "nvidia.com/dynamo-graph-deployment-name"


@pytest.fixture
async def installed(stage: Stage) -> Stage:
    """A cluster in which Dynamo's chart was installed."""
    await install(stage.cluster, dynamo.CHART, namespace=dynamo.OPERATOR[0])
    return stage


def component(name: str, kind: str, **more: Any) -> Object:
    args = [] if kind == "frontend" else ["--model", "org/m"]
    container = {"name": "main", "image": "example/dynamo:1", "args": args}
    return {"name": name, "type": kind, "podTemplate": {"spec": {"containers": [container]}}, **more}


def graph(*components: Object) -> Object:
    spec = {"backendFramework": "vllm", "components": list(components)}
    meta = {"name": "chat"}
    return {"apiVersion": GRAPHS.api_version, "kind": "DynamoGraphDeployment", "metadata": meta, "spec": spec}


async def until_phase(stage: Stage, wanted: Phase) -> Object:
    return await stage.until_one(GRAPHS, "chat", lambda obj: read_status(obj).phase is wanted)


async def test_a_graph_comes_up_with_its_pods_and_its_service(installed: Stage) -> None:
    parts = (component("Frontend", "frontend"), component("W", "worker", replicas=2))
    await installed.create(GRAPHS, graph(*parts))

    found = read_status(await until_phase(installed, Phase.RUNNING))

    assert (found.replicas.desired, found.replicas.ready) == (3, 3)
    pods = await installed.pods(lambda pods: pods)
    assert {pod["metadata"]["labels"][LABEL] for pod in pods} == {"chat"}
    assert {name for pod in pods for name in models_of(pod)} == {"org/m"}
    service = await installed.cluster.get(Resource("v1", "services"), "chat-frontend", namespace=NAMESPACE)
    assert service["spec"]["ports"][0]["port"] == 8000


async def test_a_graph_with_an_endpoint_picker_has_a_pool_of_its_workers(installed: Stage) -> None:
    for definition in GATEWAY_API:
        await apply_crd(installed.cluster, definition, field_manager="test")
    roles = [component("P", "prefill"), component("D", "decode")]
    await installed.create(GRAPHS, graph(component("Epp", "epp"), *roles))

    await until_phase(installed, Phase.RUNNING)

    pool = await installed.until_one(dynamo.POOLS, "chat-pool", bool)
    assert pool["spec"]["endpointPickerRef"]["name"] == "chat-epp"
    service = await installed.cluster.get(Resource("v1", "services"), "chat-epp", namespace=NAMESPACE)
    assert service["spec"]["ports"][0]["port"] == pool["spec"]["endpointPickerRef"]["port"]["number"] == 9002
    selected = pool["spec"]["selector"]["matchLabels"].items()
    pods = [
        pod["spec"]["containers"][0]["args"]
        for pod in await installed.pods(lambda pods: len(pods) == 3 and pods)
        if selected <= pod["metadata"]["labels"].items()
    ]
    assert len(pods) == 2, "the workers, and not the picker"


async def test_a_component_that_spans_nodes_has_a_pod_on_each(installed: Stage) -> None:
    worker = component("W", "worker", multinode={"nodeCount": 2})
    await installed.create(GRAPHS, graph(worker))

    found = read_status(await until_phase(installed, Phase.RUNNING))

    assert (found.replicas.desired, found.replicas.ready) == (1, 1)
    assert len(await installed.pods(lambda pods: pods)) == 2


async def test_a_changed_graph_is_rolled_out_and_what_left_it_goes(installed: Stage) -> None:
    await installed.create(GRAPHS, graph(component("A", "worker"), component("B", "worker")))
    await until_phase(installed, Phase.RUNNING)

    changed = component("A", "worker", replicas=2)
    changed["podTemplate"]["spec"]["containers"][0]["image"] = "example/dynamo:2"
    await installed.cluster.patch(GRAPHS, "chat", {"spec": {"components": [changed]}}, namespace=NAMESPACE)

    def rolled_out(pods: list[Object]) -> bool:
        images = [pod["spec"]["containers"][0]["image"] for pod in pods]
        return images == ["example/dynamo:2"] * 2

    assert await installed.pods(rolled_out)
    found = await installed.until_one(GRAPHS, "chat", lambda obj: list(obj["status"]["components"]) == ["A"])
    assert found["status"]["observedGeneration"] == 2


async def test_a_worker_that_does_not_come_up_keeps_it_from_serving(installed: Stage) -> None:
    worker = component("W", "worker")
    worker["podTemplate"]["metadata"] = {"annotations": {FAULT_ANNOTATION: "never-ready"}}
    await installed.create(GRAPHS, graph(component("Frontend", "frontend"), worker))

    def frontend_is_up(obj: Object) -> bool:
        parts = (obj.get("status") or {}).get("components") or {}
        return bool(parts.get("Frontend", {}).get("readyReplicas"))

    found = await installed.until_one(GRAPHS, "chat", frontend_is_up)
    assert read_status(found).phase is not Phase.RUNNING


async def test_an_operator_that_is_down_does_nothing(installed: Stage) -> None:
    namespace, name = dynamo.OPERATOR
    is_operator = {"namespace": namespace, "name": name}.items()
    await installed.until(
        APPS_DEPLOYMENTS,
        lambda objects: any(
            is_operator <= one["metadata"].items() and (one.get("status") or {}).get("readyReplicas")
            for one in objects
        ),
    )
    await installed.cluster.patch(APPS_DEPLOYMENTS, name, {"spec": {"replicas": 0}}, namespace=namespace)
    await installed.until(
        PODS, lambda pods: not [pod for pod in pods if pod["metadata"]["namespace"] == namespace]
    )

    await installed.create(GRAPHS, graph(component("W", "worker")))
    await installed.cluster.patch(APPS_DEPLOYMENTS, name, {"spec": {"replicas": 1}}, namespace=namespace)

    await until_phase(installed, Phase.RUNNING)


async def test_with_the_graph_everything_goes(installed: Stage) -> None:
    await installed.create(GRAPHS, graph(component("W", "worker")))
    await until_phase(installed, Phase.RUNNING)

    await installed.cluster.delete(GRAPHS, "chat", namespace=NAMESPACE)

    assert await installed.pods(lambda pods: not pods)
