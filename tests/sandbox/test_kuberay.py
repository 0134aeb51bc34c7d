"""The pretend KubeRay makes clusters of RayServices, and rolls a change out as the real one does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from airunway.api.status import Phase
from airunway.clients.kubernetes import Resource
from airunway.providers.kuberay.status import read_status
from airunway.sandbox.operators import kuberay
from airunway.sandbox.operators.kuberay import RAY_CLUSTERS, RAY_SERVICES
from airunway.sandbox.operators.objects import Object
from airunway.sandbox.operators.upstream import install
from tests.sandbox.conftest import NAMESPACE, Stage

SERVICES = Resource("v1", "services")


@pytest.fixture
async def installed(stage: Stage) -> Stage:
    """A cluster in which KubeRay's chart was installed."""
    await install(stage.cluster, kuberay.CHART, namespace=kuberay.OPERATOR[0])
    return stage


def ray_service(*, image: str = "example/ray:1", replicas: int = 1) -> Object:
    serve = yaml.safe_dump({"applications": [{"name": "llm", "import_path": "x:y"}]})
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "chat"},
        "spec": {"serveConfigV2": serve, "rayClusterConfig": config(image=image, replicas=replicas)},
    }


def config(*, image: str, replicas: int) -> Object:
    def template(name: str) -> Object:
        container = {"name": name, "image": image, "env": [{"name": "MODEL_ID", "value": "org/m"}]}
        return {"metadata": {"labels": {"mine": "yes"}}, "spec": {"containers": [container]}}

    group = {"groupName": "gpu", "replicas": replicas, "minReplicas": replicas, "maxReplicas": replicas}
    return {
        "headGroupSpec": {"template": template("ray-head")},
        "workerGroupSpecs": [{**group, "template": template("ray-worker")}],
    }


async def until_runs(stage: Stage, **more: Any) -> Object:
    def runs(obj: Object) -> bool:
        active = ((obj.get("status") or {}).get("activeServiceStatus") or {}).get("rayClusterName")
        return read_status(obj).phase is Phase.RUNNING and active != more.get("not_on")

    return await stage.until_one(RAY_SERVICES, "chat", runs)


async def test_it_comes_up_with_head_workers_and_services(installed: Stage) -> None:
    await installed.create(RAY_SERVICES, ray_service(replicas=2))

    found = read_status(await until_runs(installed))

    assert (found.replicas.desired, found.replicas.ready) == (2, 2)
    pods = await installed.pods(lambda pods: len(pods) == 3 and pods)
    types = sorted(pod["metadata"]["labels"]["ray.io/node-type"] for pod in pods)
    assert types == ["head", "worker", "worker"]
    assert {pod["metadata"]["labels"]["mine"] for pod in pods} == {"yes"}
    service = await installed.cluster.get(SERVICES, "chat-serve-svc", namespace=NAMESPACE)
    assert service["spec"]["selector"]["ray.io/cluster"] == pods[0]["metadata"]["labels"]["ray.io/cluster"]


async def test_another_number_of_workers_reaches_no_cluster_that_is_there(installed: Stage) -> None:
    await installed.create(RAY_SERVICES, ray_service())
    before = await until_runs(installed)
    name = before["status"]["activeServiceStatus"]["rayClusterName"]

    change = {"spec": {"rayClusterConfig": config(image="example/ray:1", replicas=3)}}
    await installed.cluster.patch(RAY_SERVICES, "chat", change, namespace=NAMESPACE)
    await installed.until_one(RAY_SERVICES, "chat", lambda obj: obj["status"].get("observedGeneration") == 2)

    (cluster,) = (await installed.cluster.listing(RAY_CLUSTERS, namespace=NAMESPACE)).items
    assert cluster["metadata"]["name"] == name
    assert cluster["spec"]["workerGroupSpecs"][0]["replicas"] == 1

    workers = [{**cluster["spec"]["workerGroupSpecs"][0], "replicas": 2}]
    patch = {"spec": {"workerGroupSpecs": workers}}
    await installed.cluster.patch(RAY_CLUSTERS, name, patch, namespace=NAMESPACE)
    await installed.until_one(RAY_SERVICES, "chat", lambda obj: read_status(obj).replicas.ready == 2)


async def test_a_change_brings_up_a_second_cluster_and_then_the_first_goes(installed: Stage) -> None:
    await installed.create(RAY_SERVICES, ray_service())
    before = (await until_runs(installed))["status"]["activeServiceStatus"]["rayClusterName"]

    change = {"spec": {"rayClusterConfig": config(image="example/ray:2", replicas=1)}}
    await installed.cluster.patch(RAY_SERVICES, "chat", change, namespace=NAMESPACE)

    after = await until_runs(installed, not_on=before)
    name = after["status"]["activeServiceStatus"]["rayClusterName"]
    await installed.until(RAY_CLUSTERS, lambda found: [one["metadata"]["name"] for one in found] == [name])
    pods = await installed.pods(lambda pods: len(pods) == 2 and pods)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"example/ray:2"}
    service = await installed.cluster.get(SERVICES, "chat-serve-svc", namespace=NAMESPACE)
    assert service["spec"]["selector"]["ray.io/cluster"] == name
