"""Two clusters on one Temporal, with equal names in both: nothing crosses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from airunway.api.names import DEPLOYMENT_WORKFLOW, cluster_name_from, core_task_queue
from airunway.clients.kubernetes import NAMESPACES
from airunway.messages.deployment_workflow import (
    OBJECT_CHANGED,
    ChangeHint,
    DeploymentInput,
)
from airunway.messages.journal import Journal
from airunway.messages.refs import DeploymentRef
from tests.real.hands import HandledSystem
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

NAMESPACE = "team"


@pytest.fixture(scope="module")
def another_cluster(real_cluster: Cluster) -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest_asyncio.fixture
async def systems(
    real_cluster: Cluster, another_cluster: Cluster, real_temporal: TemporalServer
) -> AsyncIterator[tuple[HandledSystem, HandledSystem]]:
    """One control plane each; which cluster is which is found out by themselves."""
    async with AsyncExitStack() as stack:
        running = []
        for cluster in (real_cluster, another_cluster):
            system = HandledSystem(cluster.kubeconfig, real_temporal.address)
            system.namespace = NAMESPACE
            update = {"cluster": "", "pod_namespace": NAMESPACE}
            system.settings = system.settings.model_copy(update=update)
            await stack.enter_async_context(system)
            uid = (await system.cluster.get(NAMESPACES, "kube-system"))["metadata"]["uid"]
            system.settings = system.settings.model_copy(update={"cluster": cluster_name_from(uid)})
            running.append(system)
        yield running[0], running[1]


async def test_the_same_name_in_two_clusters_is_two_deployments(
    systems: tuple[HandledSystem, HandledSystem],
) -> None:
    one, other = systems
    assert one.settings.cluster != other.settings.cluster

    await one.running("chat")
    assert not other.server("chat"), "nothing of it in the other cluster"
    await other.running("chat")
    version = other.server("chat")["metadata"]["resourceVersion"]
    await one.until_answers_an_edit("chat", 4)

    assert other.server("chat")["metadata"]["resourceVersion"] == version
    await one.delete("chat")
    await one.until(lambda: not one.deployment("chat"), "deleted in one")
    assert other.status("chat")["phase"] == "Running"
    await other.until_answers_an_edit("chat", 2)
    run = await other.run_of("chat")
    assert run is not None
    assert run.status is WorkflowExecutionStatus.RUNNING


async def test_a_cluster_without_workers_is_not_served_by_the_other(
    systems: tuple[HandledSystem, HandledSystem],
) -> None:
    one, other = systems
    await one.running("kept")
    await one.stop("worker")
    await one.edit("kept", {"spec": {"scaling": {"replicas": 5}}})

    await other.running("kept")
    await other.until_answers_an_edit("kept", 2)

    assert one.server("kept")["spec"].get("replicas") != 5
    one.start_worker()
    await one.until(lambda: one.server("kept")["spec"].get("replicas") == 5, "five replicas")


async def test_a_workflow_on_the_wrong_queue_is_refused_and_says_so(
    systems: tuple[HandledSystem, HandledSystem],
) -> None:
    one, other = systems
    await one.running("stray")
    version = one.server("stray")["metadata"]["resourceVersion"]
    ref = DeploymentRef(cluster=one.settings.cluster, namespace=NAMESPACE, name="by-hand")

    handle = await other.client.start_workflow(
        DEPLOYMENT_WORKFLOW,
        DeploymentInput(ref=ref),
        id=ref.workflow_id,
        task_queue=core_task_queue(other.settings.cluster),
        start_signal=OBJECT_CHANGED,
        start_signal_args=[ChangeHint(cause="by hand")],
    )

    journal: Journal = await handle.query("journal", result_type=Journal)
    await one.until(lambda: True, "nothing")
    while not any("belongs to cluster" in entry.message for entry in journal.entries):
        journal = await handle.query("journal", result_type=Journal)
    assert one.server("stray")["metadata"]["resourceVersion"] == version
    await handle.terminate()
