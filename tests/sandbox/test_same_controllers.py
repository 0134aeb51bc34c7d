"""What the pretend controllers do in common with those of a real controller manager: the same tests for both.

The pods of both live on pretend nodes.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Cluster
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import NODES, PretendNode
from airunway.sandbox.operators.objects import Object
from airunway.sandbox.operators.timing import Timing
from kube_emulator import EmulatedCluster
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of, is_rolled_out
from tests.sandbox.test_deployments import REPLICA_SETS
from tests.sandbox.test_stateful_sets import STATEFUL_SETS, stateful_set

NODE = PretendNode(name="pretend-same-0", gpus=0)
REVISION_LABEL = "controller-revision-hash"


@pytest.fixture(params=["pretend", pytest.param("real", marks=pytest.mark.real)])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    if request.param == "real":
        async with await Cluster.connect(request.getfixturevalue("real_kubeconfig")) as cluster:
            operators = PretendOperators(
                cluster, timing=Timing.instant(), nodes=[NODE], workloads=False, upstream=False
            )
            async with operators:
                yield Stage(cluster, patience=90)
            await cluster.delete(NODES, NODE.name)
        return
    async with (
        EmulatedCluster() as served,
        await Cluster.connect(served.kubeconfig(tmp_path / "config")) as cluster,
        PretendOperators(cluster, timing=Timing.instant(), nodes=[NODE], upstream=False),
    ):
        yield Stage(cluster)


@pytest.fixture
def name() -> str:
    return f"same-{uuid.uuid4().hex[:6]}"


async def test_a_paused_deployment_does_not_roll(stage: Stage, name: str) -> None:
    await stage.deploy(name, replicas=2)
    await stage.rolled_out(name)

    await _patch(stage, name, {"paused": True})
    await stage.set_image("example/web:2", name)
    changed = await _patch(stage, name, {"replicas": 3})
    seen = await stage.until_one(
        APPS_DEPLOYMENTS,
        name,
        lambda obj: _has_seen(obj, changed) and obj["status"].get("readyReplicas") == 3,
    )
    images = await _images(stage, name, count=3)
    sets = await _sets(stage, name)
    resumed = await _patch(stage, name, {"paused": False})
    await stage.until_one(APPS_DEPLOYMENTS, name, lambda obj: _has_seen(obj, resumed) and is_rolled_out(obj))

    progressing = condition_of(seen, "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("Unknown", "DeploymentPaused")
    assert seen["status"].get("updatedReplicas", 0) == 0
    assert images == {"example/web:1"}
    assert len(sets) == 1
    assert await _images(stage, name, count=3) == {"example/web:2"}
    await stage.cluster.delete(APPS_DEPLOYMENTS, name, namespace=NAMESPACE)


async def test_a_deployment_made_paused_has_no_replica_set(stage: Stage, name: str) -> None:
    made = await stage.deploy(name, spec={"paused": True})

    await stage.until_one(APPS_DEPLOYMENTS, name, lambda obj: _has_seen(obj, made))

    assert await _sets(stage, name) == []
    await stage.cluster.delete(APPS_DEPLOYMENTS, name, namespace=NAMESPACE)


async def test_pods_of_a_stateful_set_carry_the_name_of_their_revision(stage: Stage, name: str) -> None:
    await stage.create(STATEFUL_SETS, named(name))

    (pod,) = await stage.pods(lambda pods: _pods(pods, name))
    made = await stage.until_one(STATEFUL_SETS, name, lambda obj: obj["status"].get("currentRevision"))

    revision = pod["metadata"]["labels"][REVISION_LABEL]
    prefix, _, digest = revision.rpartition("-")
    assert prefix == name
    assert 0 < len(digest) <= 10
    assert made["status"]["currentRevision"] == made["status"]["updateRevision"] == revision
    await stage.cluster.delete(STATEFUL_SETS, name, namespace=NAMESPACE)


async def test_a_stateful_set_may_have_too_long_a_name_for_that(stage: Stage, name: str) -> None:
    long = name + "x" * (57 - len(name))
    await stage.create(STATEFUL_SETS, named(long))

    event, *_ = await stage.events_of(long, "FailedCreate")

    message = event["message"]
    assert message.startswith(f"Create Pod {long}-0 in StatefulSet {long} failed error: ")
    assert "metadata.labels: Invalid value" in message
    assert "must be no more than 63 bytes" in message
    await stage.cluster.delete(STATEFUL_SETS, long, namespace=NAMESPACE)


def named(name: str) -> Object:
    body = stateful_set()
    labels = {"app": name}
    body["metadata"]["name"] = name
    body["spec"]["selector"] = {"matchLabels": labels}
    body["spec"]["template"]["metadata"]["labels"] = labels
    return body


async def _patch(stage: Stage, name: str, spec: dict[str, Any]) -> Object:
    return await stage.cluster.patch(APPS_DEPLOYMENTS, name, {"spec": spec}, namespace=NAMESPACE)


def _has_seen(obj: Object, change: Object) -> bool:
    """Whether the controller has looked at a Deployment since a change of it."""
    seen: int = (obj.get("status") or {}).get("observedGeneration", 0)
    return seen >= int(change["metadata"]["generation"])


def _pods(pods: list[Object], app: str) -> list[Object]:
    return [
        pod
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get("app") == app
        and "deletionTimestamp" not in pod["metadata"]
    ]


async def _images(stage: Stage, app: str, *, count: int) -> set[str]:
    pods = await stage.pods(lambda pods: len(found := _pods(pods, app)) == count and found)
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


async def _sets(stage: Stage, app: str) -> list[Object]:
    listed = await stage.cluster.listing(REPLICA_SETS, namespace=NAMESPACE)
    return [entry for entry in listed.items if entry["metadata"]["labels"].get("app") == app]
