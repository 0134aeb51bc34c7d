"""StatefulSets: numbered pods, one after the other or all at once, replaced from the last."""

from __future__ import annotations

from typing import Any

from airunway.clients.kubernetes import Resource
from airunway.sandbox.operators.faults import FAULT_ANNOTATION
from airunway.sandbox.operators.objects import Object
from tests.sandbox.conftest import NAMESPACE, Stage, waiting_reason

STATEFUL_SETS = Resource("apps/v1", "statefulsets")


async def test_pods_are_numbered(stage: Stage) -> None:
    await stage.create(STATEFUL_SETS, stateful_set(replicas=3))

    await _until_ready(stage, 3)

    pods = await stage.pods(lambda pods: len(pods) == 3 and pods)
    assert {pod["metadata"]["name"] for pod in pods} == {"db-0", "db-1", "db-2"}


async def test_the_next_pod_waits_for_the_one_before(stage: Stage) -> None:
    await stage.create(STATEFUL_SETS, stateful_set(replicas=2, image="fail-image/db:1"))

    pods = await stage.pods(
        lambda pods: waiting_reason(pods[0]) == "ImagePullBackOff" and pods if pods else 0
    )

    assert [pod["metadata"]["name"] for pod in pods] == ["db-0"]


async def test_parallel_pods_do_not_wait(stage: Stage) -> None:
    body = stateful_set(replicas=2, image="fail-image/db:1")
    body["spec"]["podManagementPolicy"] = "Parallel"
    await stage.create(STATEFUL_SETS, body)

    await stage.pods(lambda pods: len(pods) == 2)


async def test_a_new_template_reaches_every_pod(stage: Stage) -> None:
    await stage.create(STATEFUL_SETS, stateful_set(replicas=2))
    await _until_ready(stage, 2)

    body = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "example/db:2"}]}}}}
    await stage.cluster.patch(STATEFUL_SETS, "db", body, namespace=NAMESPACE)

    await stage.pods(
        lambda pods: (
            len(pods) == 2 and {pod["spec"]["containers"][0]["image"] for pod in pods} == {"example/db:2"}
        )
    )
    await stage.until_one(STATEFUL_SETS, "db", lambda obj: obj["status"].get("updatedReplicas") == 2)


async def test_fewer_replicas_end_the_last_pods(stage: Stage) -> None:
    await stage.create(STATEFUL_SETS, stateful_set(replicas=2))
    await _until_ready(stage, 2)

    await stage.cluster.patch(STATEFUL_SETS, "db", {"spec": {"replicas": 1}}, namespace=NAMESPACE)

    (pod,) = await stage.pods(lambda pods: len(pods) == 1 and pods)
    assert pod["metadata"]["name"] == "db-0"


async def test_a_quota_that_is_exceeded_is_reported_by_an_event(stage: Stage) -> None:
    body = stateful_set()
    body["spec"]["template"]["metadata"]["annotations"] = {FAULT_ANNOTATION: "quota"}
    await stage.create(STATEFUL_SETS, body)

    (event,) = await stage.events("FailedCreate")

    assert "exceeded quota" in event["message"]
    assert event["involvedObject"]["kind"] == "StatefulSet"


def stateful_set(*, replicas: int = 1, image: str = "example/db:1") -> Object:
    labels = {"app": "db"}
    template: dict[str, Any] = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }
    return {
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


async def _until_ready(stage: Stage, count: int) -> None:
    await stage.until_one(
        STATEFUL_SETS, "db", lambda obj: (obj.get("status") or {}).get("readyReplicas") == count
    )
