"""What a provider's worker writes on its InferenceProviderConfig."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from airunway.api.provider_worker import worker_queue
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CONFIGS, CRDS, Cluster, Object
from airunway.provider.contract import Provider, Registration, UpstreamFacts, UpstreamHealth
from airunway.providers.kaito import PROVIDER as KAITO
from airunway.providers.llmd import PROVIDER as LLMD
from airunway.providers.vllm import PROVIDER as VLLM
from airunway.workers import registration
from airunway.workers.registration import Registrar
from tests.e2e.acme import ACME, CRD

RULES = [{"condition": "spec.model.id == 'a/b'", "priority": 7}]


def registrar(cluster: Cluster, provider: Provider = ACME) -> Registrar:
    return Registrar(cluster, provider, task_queue="a-queue", heartbeat=timedelta(seconds=60))


async def config(cluster: Cluster, name: str = "acme") -> Object:
    return await cluster.get(CONFIGS, name)


def conditions(obj: Object) -> dict[str, tuple[str, str]]:
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in obj["status"]["conditions"]}


async def test_it_says_where_its_worker_listens_and_what_it_creates(cluster: Cluster) -> None:
    await registrar(cluster, LLMD).register()

    annotations = (await config(cluster, "llmd"))["metadata"]["annotations"]
    assert annotations["airunway.ai/task-queue"] == "a-queue"
    assert json.loads(annotations["airunway.ai/upstream-kinds"]) == [
        {"apiVersion": "apps/v1", "kind": "Deployment", "plural": "deployments"},
        {"apiVersion": "v1", "kind": "Service", "plural": "services"},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "plural": "persistentvolumeclaims"},
    ]


async def test_registering_again_writes_nothing(cluster: Cluster) -> None:
    await registrar(cluster).register()
    before = await config(cluster)

    await registrar(cluster).register()

    assert await config(cluster) == before


async def test_rules_of_an_administrator_stay_where_the_provider_ships_none(cluster: Cluster) -> None:
    for provider in (LLMD, VLLM):
        await registrar(cluster, provider).register()
        await cluster.patch(CONFIGS, provider.name, {"spec": {"selectionRules": RULES}})
        await registrar(cluster, provider).register()

    assert (await config(cluster, "llmd"))["spec"]["selectionRules"] == RULES
    assert "selectionRules" not in (await config(cluster, "vllm"))["spec"]


async def test_the_rest_of_the_spec_is_renewed_beside_them(cluster: Cluster) -> None:
    old = Registration(annotations={}, spec={"capabilities": {"engines": []}})
    await registrar(cluster, replace(LLMD, registration=lambda: old)).register()
    await cluster.patch(CONFIGS, "llmd", {"spec": {"selectionRules": RULES}})

    await registrar(cluster, LLMD).register()

    spec = (await config(cluster, "llmd"))["spec"]
    assert spec == {**LLMD.registration().spec, "selectionRules": RULES}


@pytest.mark.parametrize(
    "changed",
    [
        {"airunway.ai/task-queue": "mine"},
        {"airunway.ai/upstream-kinds": "[]"},
        {"airunway.ai/installation": '{"helmCharts": []}'},
        {"airunway.ai/installation": None, "airunway.ai/display-name": "Evil"},
    ],
    ids=str,
)
async def test_a_heartbeat_puts_our_annotations_back(
    cluster: Cluster, changed: dict[str, str | None]
) -> None:
    worker = registrar(cluster, KAITO)
    await worker.register()
    before = (await config(cluster, "kaito"))["metadata"]["annotations"]
    theirs = {"example.com/owner": "somebody"}
    await cluster.patch(CONFIGS, "kaito", {"metadata": {"annotations": {**changed, **theirs}}})
    rules = {"spec": {"selectionRules": RULES}}
    await cluster.patch(CONFIGS, "kaito", rules)

    await worker.beat()

    after = await config(cluster, "kaito")
    assert after["metadata"]["annotations"] == before | theirs
    assert after["spec"]["selectionRules"] == RULES, "an administrator's rules stay until the next start"


async def test_a_heartbeat_of_what_is_as_it_was_left_changes_the_status_only(cluster: Cluster) -> None:
    worker = registrar(cluster, KAITO)
    await worker.register()
    before = (await config(cluster, "kaito"))["metadata"]

    await worker.beat()

    after = (await config(cluster, "kaito"))["metadata"]
    assert (after["annotations"], after["generation"]) == (before["annotations"], before["generation"])


async def test_changed_annotations_are_seen_before_the_next_heartbeat(cluster: Cluster) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    worker = registrar(cluster)
    running = asyncio.create_task(worker.run())
    await until_ready(cluster, worker)

    await cluster.patch(CONFIGS, "acme", {"metadata": {"annotations": {"airunway.ai/task-queue": "mine"}}})

    while (await config(cluster))["metadata"]["annotations"]["airunway.ai/task-queue"] != "a-queue":
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_operator_that_is_missing_makes_it_unready_with_its_worker_alive(cluster: Cluster) -> None:
    worker = registrar(cluster)
    await worker.register()

    await worker.beat()
    assert (await config(cluster))["status"]["ready"] is False
    assert conditions(await config(cluster)) == {"WorkerAlive": ("True", "HeartbeatReceived")}

    await apply_crd(cluster, CRD, field_manager="test")
    await worker.beat()
    assert (await config(cluster))["status"]["ready"] is True


async def test_transition_times_outlive_the_worker(cluster: Cluster) -> None:
    first = registrar(cluster)
    await first.register()
    await first.beat()
    since = "2020-01-01T00:00:00Z"
    status = (await config(cluster))["status"]
    status["conditions"][0]["lastTransitionTime"] = since
    await cluster.patch(CONFIGS, "acme", {"status": status}, subresource="status")

    await registrar(cluster).beat()

    assert (await config(cluster))["status"]["conditions"][0]["lastTransitionTime"] == since


async def test_a_stop_leaves_no_queue_behind_for_whoever_serves_it_next(cluster: Cluster) -> None:
    worker = registrar(cluster)
    await worker.register()
    await worker.beat()

    await worker.sign_off()

    stopped = await config(cluster)
    assert "airunway.ai/task-queue" not in stopped["metadata"]["annotations"]
    assert worker_queue(stopped), "its worker comes back"
    await registrar(cluster).register()
    assert (await config(cluster))["metadata"]["annotations"]["airunway.ai/task-queue"] == "a-queue"


async def test_a_stop_beside_another_worker_leaves_the_queue(cluster: Cluster) -> None:
    worker = registrar(cluster)
    await worker.register()
    await worker.beat()
    of_the_other = {"status": {"lastHeartbeat": "2030-01-05T09:00:00Z"}}
    await cluster.patch(CONFIGS, "acme", of_the_other, subresource="status")

    await worker.sign_off()

    assert (await config(cluster))["metadata"]["annotations"]["airunway.ai/task-queue"] == "a-queue"


async def test_a_status_that_another_controller_wrote_anew_is_written_again(cluster: Cluster) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    worker = registrar(cluster)
    running = asyncio.create_task(worker.run())
    await until_ready(cluster, worker)

    theirs = {"ready": True, "lastHeartbeat": "2026-01-05T09:00:00Z", "conditions": None}
    await cluster.patch(CONFIGS, "acme", {"status": theirs}, subresource="status", field_manager="provider")

    while not (await config(cluster))["status"].get("conditions"):
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_orderly_stop_is_said(cluster: Cluster) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    worker = registrar(cluster)
    await worker.register()
    await worker.beat()

    await worker.sign_off()

    assert (await config(cluster))["status"]["ready"] is False
    assert conditions(await config(cluster)) == {"WorkerAlive": ("False", "Unregistered")}


async def test_a_worker_that_was_replaced_stops_in_silence(cluster: Cluster) -> None:
    """In a rolling update the new worker heartbeats before the old one stops."""
    await apply_crd(cluster, CRD, field_manager="test")
    old = registrar(cluster)
    await old.register()
    await old.beat()
    status = {"status": {"lastHeartbeat": "2999-01-01T00:00:00Z"}}  # the new worker's
    await cluster.patch(CONFIGS, "acme", status, subresource="status")

    await old.sign_off()

    assert (await config(cluster))["status"]["ready"] is True


async def test_a_config_that_was_deleted_comes_back_with_its_status(cluster: Cluster) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    worker = registrar(cluster)
    await worker.register()
    await cluster.delete(CONFIGS, "acme")

    await worker.beat()

    assert (await config(cluster))["status"]["ready"] is True


async def test_what_others_say_of_it_is_looked_into_before_the_next_heartbeat(cluster: Cluster) -> None:
    """An uninstall says that it is not ready; when the operator is back, nobody waits a whole heartbeat."""
    await apply_crd(cluster, CRD, field_manager="test")
    worker = registrar(cluster)
    running = asyncio.create_task(worker.run())
    await until_ready(cluster, worker)

    for change in ({"ready": False}, {"ready": None}):
        await cluster.patch(CONFIGS, "acme", {"status": change}, subresource="status")
        await until_ready(cluster, worker)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_contradicts_at_once_each_time_is_not_raced(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    pauses: list[float] = []
    worker = registrar(cluster)
    write, sleep = worker._write, asyncio.sleep

    async def write_and_be_contradicted(health: UpstreamHealth, *, alive: bool = True) -> None:
        await write(health, alive=alive)
        pauses.append(-1)
        await cluster.patch(CONFIGS, "acme", {"status": {"ready": False}}, subresource="status")

    async def no_sleep(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(worker, "_write", write_and_be_contradicted)
    monkeypatch.setattr(asyncio, "sleep", no_sleep)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(60):
        while pauses.count(-1) < 4:
            await sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    first, second = [number for number, pause in enumerate(pauses) if pause == -1][1:3]
    assert registration.REACTION_SECONDS in pauses[first:second]


async def until_ready(cluster: Cluster, worker: Registrar) -> None:
    await worker.registered.wait()
    async with asyncio.timeout(60):
        while (await config(cluster)).get("status", {}).get("ready") is not True:
            await asyncio.sleep(0.05)


async def test_stopping_does_not_bring_a_deleted_config_back(cluster: Cluster) -> None:
    worker = registrar(cluster)
    await worker.register()
    await worker.beat()
    await cluster.delete(CONFIGS, "acme")

    await worker.sign_off()

    assert await cluster.find(CONFIGS, "acme") is None
    assert await cluster.find(CRDS, "inferenceproviderconfigs.airunway.ai") is not None


async def test_a_fault_in_a_provider_ends_neither_its_heartbeats_nor_the_worker(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "UNREADY_INTERVAL_SECONDS", 0.01)
    calls: list[UpstreamFacts] = []

    def faulty(facts: UpstreamFacts) -> UpstreamHealth:
        calls.append(facts)
        raise KeyError("a fault in the provider")

    task = asyncio.create_task(registrar(cluster, replace(ACME, health=faulty)).run())
    async with asyncio.timeout(60):
        while len(calls) < 3:
            await asyncio.sleep(0.01)

    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
