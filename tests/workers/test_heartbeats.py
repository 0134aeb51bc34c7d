"""A provider's worker that fell silent, and what becomes of its config."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CONFIGS, CRDS, Cluster, Object
from airunway.workers.heartbeats import HeartbeatSweep, expired_status, utc_now
from airunway.workers.registration import Registrar
from tests.e2e.acme import ACME, CRD

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LIMIT = timedelta(seconds=180)
ALIVE = [{"type": "WorkerAlive", "status": "True", "reason": "HeartbeatReceived"}]


def config(*, age: float | str = 200, ready: bool = True, queue: bool = True, **status: Any) -> Object:
    """A config whose last heartbeat is `age` seconds old, or has that text."""
    beat = age if isinstance(age, str) else (NOW - timedelta(seconds=age)).isoformat()
    annotations = {"airunway.ai/task-queue": "airunway-provider-acme"} if queue else {}
    return {
        "metadata": {"name": "acme", "annotations": annotations},
        "status": {"ready": ready, "lastHeartbeat": beat, "conditions": ALIVE if queue else [], **status},
    }


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("three heartbeats missed, to the second", config(age=180)),
        ("already unready", config(ready=False)),
        ("of a provider controller that is not ours", config(queue=False)),
        ("a heartbeat that cannot be read", config(age="yesterday")),
        ("no heartbeat yet", config(age="")),
        ("no status", {"metadata": {"name": "acme"}}),
        ("not the shape of a config", {**config(), "spec": 7}),
        ("a clock that is ahead", config(age=-3600)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_left_alone(reason: str, given: Object) -> None:
    assert expired_status(given, now=NOW, limit=LIMIT) is None


def test_a_silent_worker() -> None:
    status = expired_status(config(age=181), now=NOW, limit=LIMIT)

    assert status == {
        "ready": False,
        "conditions": [
            {
                "type": "WorkerAlive",
                "status": "False",
                "reason": "HeartbeatExpired",
                "message": "no heartbeat since 2026-01-05T08:56:59Z: "
                "the worker of task queue airunway-provider-acme does not answer",
                "lastTransitionTime": "2026-01-05T09:00:00Z",
            }
        ],
    }


def test_the_transition_time_is_that_of_the_first_sweep() -> None:
    before = {"type": "WorkerAlive", "status": "False", "reason": "HeartbeatExpired", "message": ""}
    since = {**before, "lastTransitionTime": "2026-01-05T08:00:00Z"}

    status = expired_status(config(conditions=[since]), now=NOW, limit=LIMIT)

    assert status is not None
    assert status["conditions"][0]["lastTransitionTime"] == "2026-01-05T08:00:00Z"


async def registered(cluster: Cluster) -> Registrar:
    """The worker of acme, after its first heartbeat."""
    await apply_crd(cluster, CRD, field_manager="test")
    registrar = Registrar(cluster, ACME, task_queue="a-queue", heartbeat=timedelta(seconds=60))
    await registrar.register()
    await registrar.beat()
    return registrar


def later(minutes: float = 4) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(minutes=minutes)


async def condition_of_others(cluster: Cluster) -> None:
    """Somebody else says something about the provider."""
    condition = {
        "type": "Audited",
        "status": "True",
        "reason": "Approved",
        "message": "",
        "lastTransitionTime": "2026-01-05T08:00:00Z",
    }
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": "acme"},
        "status": {"conditions": [condition]},
    }
    await cluster.apply(CONFIGS, body, field_manager="audit", subresource="status")


def condition(obj: Object, kind: str) -> tuple[str, str]:
    entry = next(entry for entry in obj["status"]["conditions"] if entry["type"] == kind)
    return entry["status"], entry["reason"]


def owners_of_ready(obj: Object) -> list[str]:
    return [
        entry["manager"]
        for entry in obj["metadata"]["managedFields"]
        if "f:ready" in entry["fieldsV1"].get("f:status", {})
    ]


async def sweep_of(cluster: Cluster, *, now: Callable[[], datetime] = utc_now) -> HeartbeatSweep:
    """A sweep of the configs as they are now, as far as the watch has brought them."""
    configs = (await cluster.listing(CONFIGS)).items
    return HeartbeatSweep(cluster, lambda: configs, limit=LIMIT, now=now)


async def test_the_sweep_says_so_and_the_next_heartbeat_heals_it(cluster: Cluster) -> None:
    registrar = await registered(cluster)
    await condition_of_others(cluster)
    before = await cluster.get(CONFIGS, "acme")
    assert (before["status"]["ready"], condition(before, "WorkerAlive")[0]) == (True, "True")

    silent = await (await sweep_of(cluster, now=later())).sweep()

    found = await cluster.get(CONFIGS, "acme")
    assert silent == ["acme"]
    assert found["status"]["ready"] is False
    assert condition(found, "WorkerAlive") == ("False", "HeartbeatExpired")
    assert condition(found, "Audited") == ("True", "Approved")
    assert owners_of_ready(found) == ["airunway-heartbeats"]
    for field in ("version", "lastHeartbeat"):
        assert found["status"][field] == before["status"][field]

    await registrar.beat()

    healed = await cluster.get(CONFIGS, "acme")
    assert healed["status"]["ready"] is True
    assert condition(healed, "WorkerAlive") == ("True", "HeartbeatReceived")
    assert condition(healed, "Audited") == ("True", "Approved")
    assert owners_of_ready(healed) == ["acme-provider"]


async def test_a_second_sweep_writes_nothing(cluster: Cluster) -> None:
    await registered(cluster)
    await (await sweep_of(cluster, now=later())).sweep()
    before = await cluster.get(CONFIGS, "acme")

    assert await (await sweep_of(cluster, now=later())).sweep() == []

    assert await cluster.get(CONFIGS, "acme") == before


async def test_a_worker_that_heartbeats_is_left_alone(cluster: Cluster) -> None:
    await registered(cluster)
    before = await cluster.get(CONFIGS, "acme")

    assert await (await sweep_of(cluster)).sweep() == []

    assert await cluster.get(CONFIGS, "acme") == before


async def test_a_heartbeat_that_the_watch_has_not_brought_yet_wins(cluster: Cluster) -> None:
    registrar = await registered(cluster)
    sweep = await sweep_of(cluster, now=later())
    await condition_of_others(cluster)  # any write in between; a heartbeat of the same second is none
    await registrar.beat()

    assert await sweep.sweep() == []

    assert (await cluster.get(CONFIGS, "acme"))["status"]["ready"] is True


async def test_without_the_kind_there_is_nothing_to_sweep(cluster: Cluster) -> None:
    await registered(cluster)
    sweep = await sweep_of(cluster, now=later())
    await cluster.delete(CRDS, "inferenceproviderconfigs.airunway.ai")

    assert await sweep.sweep() == []


async def test_an_error_that_nobody_thought_of_does_not_end_the_sweeps(cluster: Cluster) -> None:
    swept = asyncio.Event()
    faults = [ValueError("an answer that is no JSON")]

    class Sweep(HeartbeatSweep):
        async def sweep(self) -> list[str]:
            if faults:
                raise faults.pop()
            swept.set()
            return []

    task = asyncio.create_task(Sweep(cluster, list, limit=timedelta(seconds=0.06)).run())
    async with asyncio.timeout(90):
        await swept.wait()
    task.cancel()
