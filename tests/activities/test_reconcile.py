"""Activities against an emulated cluster: effects that were done and whose answer was lost do no harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.activities.deployment.activities import DeploymentActivities
from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.kubernetes import CONFIGS, CRDS, DEPLOYMENTS, EVENTS, Cluster, Object
from airunway.messages.deployment import (
    EventSpec,
    FinalizerRequest,
    Limits,
    ObserveRequest,
    ReleaseRequest,
    StatusRequest,
    UpstreamRequest,
)
from airunway.messages.refs import DeploymentRef
from kube_emulator import EmulatedCluster
from tests.e2e.acme import ACME, CRD, SERVER

REF = DeploymentRef(cluster="here", namespace="default", name="chat")


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as connected:
        for crd in (model_deployment_crd(), provider_config_crd(), CRD):
            await connected.apply(CRDS, crd, field_manager="test")
        yield connected
    await emulated.stop()


@pytest_asyncio.fixture
async def deployment(cluster: Cluster) -> Object:
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": REF.name, "namespace": REF.namespace},
        "spec": {"model": {"id": "o/m"}, "provider": {"name": "acme"}, "engine": {"type": "vllm"}},
    }
    return await cluster.create(DEPLOYMENTS, body, namespace=REF.namespace)


@pytest.fixture
def provider(cluster: Cluster) -> ProviderActivities:
    return ProviderActivities(cluster, {"acme": ACME}, env={})


def core_of(cluster: Cluster, *, heartbeat_limit: timedelta = timedelta(minutes=3)) -> DeploymentActivities:
    limits = Limits(rollout_deadline=60, finalizer_timeout=60, resync=60)
    return DeploymentActivities(cluster, limits=limits, heartbeat_limit=heartbeat_limit)


@pytest.fixture
def core(cluster: Cluster) -> DeploymentActivities:
    return core_of(cluster)


def request(deployment: Object) -> UpstreamRequest:
    meta = deployment["metadata"]
    return UpstreamRequest(
        ref=REF, uid=meta["uid"], generation=meta["generation"], provider="acme", engine="vllm"
    )


async def test_applying_twice_is_applying_once(
    cluster: Cluster, provider: ProviderActivities, deployment: Object
) -> None:
    first = await provider.reconcile_upstream(request(deployment))
    before = await cluster.get(SERVER, REF.name, namespace=REF.namespace)

    again = await provider.reconcile_upstream(request(deployment))

    after = await cluster.get(SERVER, REF.name, namespace=REF.namespace)
    assert [entry.action for entry in (*first.objects, *again.objects)] == ["created", "unchanged"]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_an_older_generation_is_not_applied(
    cluster: Cluster, provider: ProviderActivities, deployment: Object
) -> None:
    await cluster.patch(
        DEPLOYMENTS, REF.name, {"spec": {"scaling": {"replicas": 2}}}, namespace=REF.namespace
    )

    answer = await provider.reconcile_upstream(request(deployment))

    assert answer.superseded
    assert await cluster.find(SERVER, REF.name, namespace=REF.namespace) is None


async def test_nothing_is_applied_once_the_deployment_is_paused(
    cluster: Cluster, provider: ProviderActivities, deployment: Object
) -> None:
    paused = {"metadata": {"annotations": {"airunway.ai/reconcile-paused": "true"}}}
    await cluster.patch(DEPLOYMENTS, REF.name, paused, namespace=REF.namespace)

    answer = await provider.reconcile_upstream(request(deployment))

    assert answer.superseded
    assert await cluster.find(SERVER, REF.name, namespace=REF.namespace) is None


async def test_an_object_that_somebody_deleted_is_reported_as_recreated(
    cluster: Cluster, provider: ProviderActivities, deployment: Object
) -> None:
    first = await provider.reconcile_upstream(request(deployment))
    await cluster.delete(SERVER, REF.name, namespace=REF.namespace)

    again = await provider.reconcile_upstream(
        request(deployment).model_copy(update={"applied": first.objects})
    )

    assert [entry.action for entry in again.objects] == ["recreated"]


@pytest.mark.parametrize(
    ("finalizers", "external"),
    [
        (["airunway.ai/acme-provider"], False),
        (["airunway.ai/shim-provider"], True),
        (["airunway.ai/shim-provider", "airunway.ai/acme-provider"], False),
        (["airunway.ai/unknown-provider"], False),
    ],
)
async def test_a_deletion_says_whose_finalizer_holds_it(
    cluster: Cluster, core: DeploymentActivities, deployment: Object, finalizers: list[str], external: bool
) -> None:
    queues: dict[str, dict[str, str]] = {"acme": {"airunway.ai/task-queue": "q"}, "shim": {}}
    for name, queue in queues.items():
        config = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": name, "annotations": queue},
            "spec": {},
        }
        await cluster.create(CONFIGS, config)
    held = {"metadata": {"finalizers": finalizers}}
    await cluster.patch(DEPLOYMENTS, REF.name, held, namespace=REF.namespace)
    await cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)

    seen = await core.observe(ObserveRequest(ref=REF))

    assert seen.deleted_at is not None
    assert seen.provider is not None
    assert seen.provider.externally_managed is external


async def test_the_finalizer_is_there_before_the_object(
    cluster: Cluster, provider: ProviderActivities, deployment: Object
) -> None:
    await provider.reconcile_upstream(request(deployment))

    live = await cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    assert live["metadata"]["finalizers"] == ["airunway.ai/acme-provider"]
    assert live["metadata"]["generation"] == 1
    assert live["spec"]["engine"]["enablePrefixCaching"] is True


async def test_a_status_written_twice_is_one_write_and_one_event(
    cluster: Cluster, core: DeploymentActivities, deployment: Object
) -> None:
    written = StatusRequest(
        ref=REF,
        uid=deployment["metadata"]["uid"],
        status={"phase": "Running", "replicas": {"desired": 1, "ready": 0, "available": 0}},
        events=[EventSpec(reason="DeploymentReady", message="all pods are ready")],
    )
    await core.write_status(written)
    first = await cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)

    await core.write_status(written)

    again = await cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    events = (await cluster.listing(EVENTS, namespace=REF.namespace)).items
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert again["status"]["replicas"]["ready"] == 0
    assert [(event["reason"], event["count"]) for event in events] == [("DeploymentReady", 2)]


async def test_a_status_is_not_written_to_another_object_of_the_name(
    cluster: Cluster, core: DeploymentActivities, deployment: Object
) -> None:
    answer = await core.write_status(StatusRequest(ref=REF, uid="another", status={"phase": "Failed"}))

    assert answer.gone
    live = await cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    assert "status" not in live


async def test_releasing_leaves_the_objects_of_others(
    cluster: Cluster, provider: ProviderActivities, deployment: Object
) -> None:
    await provider.reconcile_upstream(request(deployment))
    of_others = {
        "apiVersion": SERVER.api_version,
        "kind": SERVER.kind,
        "metadata": {
            "name": "mine",
            "namespace": REF.namespace,
            "labels": {"airunway.ai/managed-by": "airunway"},
        },
        "spec": {},
    }
    await cluster.create(SERVER, of_others, namespace=REF.namespace)

    answer = await provider.release_upstream(
        ReleaseRequest(ref=REF, uid=deployment["metadata"]["uid"], provider="acme")
    )

    assert answer.remaining == []
    left = await cluster.listing(SERVER, namespace=REF.namespace)
    assert [obj["metadata"]["name"] for obj in left.items] == ["mine"]


async def test_only_provider_finalizers_are_removed(
    cluster: Cluster, core: DeploymentActivities, provider: ProviderActivities, deployment: Object
) -> None:
    await provider.reconcile_upstream(request(deployment))
    body = {"metadata": {"finalizers": ["airunway.ai/acme-provider", "example.com/other"]}}
    await cluster.patch(DEPLOYMENTS, REF.name, body, namespace=REF.namespace)
    asked = FinalizerRequest(ref=REF, uid=deployment["metadata"]["uid"])

    first = await core.remove_finalizers(asked)
    second = await core.remove_finalizers(asked)

    live = await cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    assert (first.removed, second.removed) == (["airunway.ai/acme-provider"], [])
    assert live["metadata"]["finalizers"] == ["example.com/other"]


async def test_a_selection_that_was_not_written_yet_stands(
    core: DeploymentActivities, deployment: Object
) -> None:
    uid = deployment["metadata"]["uid"]

    seen = await core.observe(
        ObserveRequest(ref=REF, chosen_for=uid, chosen_provider="acme", chosen_engine="vllm")
    )

    assert seen.decision is not None
    assert seen.decision.provider is not None
    assert seen.decision.provider.name == "acme"


@pytest.mark.parametrize(("limit", "ready"), [(timedelta(minutes=30), True), (timedelta(minutes=10), False)])
async def test_a_reconcile_gives_a_worker_as_long_as_the_setting_says(
    cluster: Cluster, deployment: Object, limit: timedelta, ready: bool
) -> None:
    beat = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
    engine = {"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True, "cpuSupport": True}
    config = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": "acme"},
        "spec": {"capabilities": {"engines": [engine]}},
    }
    await cluster.create(CONFIGS, config)
    await cluster.patch(
        CONFIGS, "acme", {"status": {"ready": True, "lastHeartbeat": beat}}, subresource="status"
    )

    seen = await core_of(cluster, heartbeat_limit=limit).observe(ObserveRequest(ref=REF))

    assert seen.provider is not None
    assert seen.provider.ready is ready
