"""Deployments run, roll over and report, as they do on a cluster with nodes."""

from __future__ import annotations

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Resource
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of

REPLICA_SETS = Resource("apps/v1", "replicasets")


async def test_a_deployment_gets_its_pods_and_says_so(stage: Stage) -> None:
    await stage.deploy(replicas=3)

    done = await stage.rolled_out()

    assert done["status"]["availableReplicas"] == 3
    assert condition_of(done, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition_of(done, "Progressing")["reason"] == "NewReplicaSetAvailable"
    pods = await stage.pods(lambda pods: len(pods) == 3 and pods)
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert {pod["spec"]["nodeName"] for pod in pods} == {"sandbox-cpu-0"}


async def test_a_new_template_replaces_the_pods(stage: Stage) -> None:
    await stage.deploy(replicas=4)
    await stage.rolled_out()

    done = await stage.rolled_out(generation=await stage.set_image("example/web:2"))

    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    pods = await stage.pods(lambda pods: len(pods) == 4 and pods)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"example/web:2"}


async def test_a_template_that_fails_leaves_the_old_pods_serving(stage: Stage) -> None:
    await stage.deploy(replicas=2)
    await stage.rolled_out()

    await stage.set_image("fail-image/web:2")
    stuck = await stage.until_one(
        APPS_DEPLOYMENTS, "web", lambda obj: obj["status"].get("updatedReplicas") == 1
    )

    assert stuck["status"]["readyReplicas"] == 2
    assert condition_of(stuck, "Available")["status"] == "True"
    assert condition_of(stuck, "Progressing")["reason"] == "ReplicaSetUpdated"


async def test_going_back_to_an_old_template_takes_its_replica_set_again(stage: Stage) -> None:
    await stage.deploy()
    await stage.rolled_out()
    changed = await stage.set_image("crash/web:2")
    await stage.until_one(
        APPS_DEPLOYMENTS, "web", lambda obj: obj["status"].get("observedGeneration", 0) >= changed
    )

    await stage.rolled_out(generation=await stage.set_image("example/web:1"))

    sets = await stage.cluster.listing(REPLICA_SETS, namespace=NAMESPACE)
    assert len(sets.items) == 2


async def test_recreate_stops_the_old_pods_first(stage: Stage) -> None:
    await stage.deploy(replicas=2, spec={"strategy": {"type": "Recreate"}})
    await stage.rolled_out()

    changed = await stage.set_image("fail-image/web:2")
    down = await stage.until_one(
        APPS_DEPLOYMENTS,
        "web",
        lambda obj: (
            obj["status"].get("observedGeneration", 0) >= changed
            and obj["status"].get("updatedReplicas") == 2
            and not obj["status"].get("readyReplicas")
        ),
    )

    assert down["status"]["replicas"] == 2


async def test_scaling_to_zero_ends_the_pods(stage: Stage) -> None:
    await stage.deploy(replicas=2)
    await stage.rolled_out()

    await stage.cluster.patch(APPS_DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, namespace=NAMESPACE)

    await stage.pods(lambda pods: not pods)
    await stage.rolled_out()


async def test_a_pod_that_is_deleted_comes_back(stage: Stage) -> None:
    await stage.deploy()
    await stage.rolled_out()
    (first,) = await stage.pods(lambda pods: len(pods) == 1 and pods)

    await stage.cluster.delete(
        Resource("v1", "pods"), first["metadata"]["name"], namespace=NAMESPACE, grace_seconds=0
    )

    await stage.pods(lambda pods: len(pods) == 1 and pods[0]["metadata"]["uid"] != first["metadata"]["uid"])
    await stage.rolled_out()


async def test_deleting_the_deployment_ends_everything(stage: Stage) -> None:
    await stage.deploy()
    await stage.rolled_out()

    await stage.cluster.delete(APPS_DEPLOYMENTS, "web", namespace=NAMESPACE)

    await stage.pods(lambda pods: not pods)
    await stage.until(
        REPLICA_SETS,
        lambda sets: not [entry for entry in sets if entry["metadata"]["namespace"] == NAMESPACE],
    )


async def test_a_rollout_without_progress_runs_into_its_deadline(stage: Stage) -> None:
    await stage.deploy(image="fail-image/web:1", spec={"progressDeadlineSeconds": 1})

    late = await stage.until_one(
        APPS_DEPLOYMENTS,
        "web",
        lambda obj: condition_of(obj, "Progressing").get("reason") == "ProgressDeadlineExceeded",
    )

    assert condition_of(late, "Progressing")["status"] == "False"
    assert condition_of(late, "Available")["status"] == "False"
