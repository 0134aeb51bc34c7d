"""Open workflows against deployments, on a server of Temporal with workflows that nobody works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, cast

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import core_task_queue, provider_task_queue
from airunway.clients.kubernetes import EVENTS, NAMESPACES, Cluster
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.audit import presence as presence_module
from airunway.workers.audit import stuck as stuck_module
from airunway.workers.audit.backlog import queues_of, task_backlog
from airunway.workers.audit.fleet import Fleet
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.presence import Presence
from airunway.workers.audit.problems import NO_WORKER
from airunway.workers.audit.stuck import StuckWorkflows
from airunway.workers.audit.visibility import OpenWorkflow, open_workflows
from tests.workers.audit.objects import deployment, fleet_of, known, ref_of, server
from tests.workers.audit.test_fleet_audit import Taken, audit_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    log = tmp_path_factory.mktemp("temporal") / "temporal.log"
    async with TemporalServer(headless=True, log_file=log) as running:
        yield running.address


@pytest.fixture
async def client(temporal: str) -> Client:
    return await Client.connect(temporal)


def ref(name: str, cluster: str = "here") -> DeploymentRef:
    return DeploymentRef(cluster=cluster, namespace="ml", name=name)


async def start(client: Client, ref: DeploymentRef) -> None:
    """An open workflow of a deployment; no worker, so it stays as it is."""
    await client.start_workflow("ModelDeploymentWorkflow", id=ref.workflow_id, task_queue="nobody")


async def end(client: Client, ref: DeploymentRef) -> None:
    await client.get_workflow_handle(ref.workflow_id).terminate("by hand")


async def until_listed(client: Client, holds: Callable[[set[str]], bool]) -> None:
    """Visibility follows what happens, a moment later."""
    async with asyncio.timeout(90):
        while not holds(set(await open_workflows(client, "here") or {})):
            await asyncio.sleep(0.05)


def presence_of(
    client: Client, fleet: Fleet, signals: Taken, *, cluster: Cluster | None = None, unanswered: Any = None
) -> Presence:
    metrics = FleetMetrics()
    audit = audit_of(fleet, signals)
    audit.unanswered = unanswered or {}
    stuck = StuckWorkflows(client, cast(Cluster, cluster), fleet, audit)
    return Presence(
        client,
        fleet,
        signals,
        stuck,
        cluster_name="here",
        every=timedelta(seconds=30),
        metrics=metrics,
    )


async def test_a_terminated_workflow_is_missed_and_others_are_not(client: Client) -> None:
    for name in ("left-alone", "terminated"):
        await start(client, ref_of(name))
    await end(client, ref_of("terminated"))
    await start(client, ref("terminated", cluster="elsewhere"))
    await until_listed(client, lambda ids: ref_of("left-alone").workflow_id in ids)
    fleet, signals = fleet_of([deployment("left-alone"), deployment("terminated", generation=4)]), Taken()
    presence = presence_of(client, fleet, signals)

    await presence.check()
    await presence.check()

    [(name, hint, urgent)] = signals.hints
    assert (name, hint.cause, hint.generation) == ("terminated", "no workflow of it was open", 4)
    assert (hint.by, urgent) == ("fleet audit", False)


async def test_a_listing_that_lags_alarms_nobody(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lagging(client: Client, cluster: str) -> dict[str, OpenWorkflow]:
        return {}

    await start(client, ref_of("young"))
    monkeypatch.setattr(presence_module, "open_workflows", lagging)
    signals = Taken()

    await presence_of(client, fleet_of([deployment("young")]), signals).check()

    assert signals.hints == []


async def test_who_has_just_changed_or_is_only_held_by_others_is_not_missed(client: Client) -> None:
    fleet, signals = fleet_of([]), Taken()
    now = asyncio.get_running_loop().time()
    fleet.deployments[ref_of("new")] = known(deployment("new", status=None), changed_at=now)
    held = deployment("held", deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["example.com/f"])
    fleet.deployments[ref_of("held")] = known(held)

    await presence_of(client, fleet, signals).check()

    assert signals.hints == []


async def test_a_workflow_without_a_deployment_is_told_to_look(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_module, "ORPHAN_AGE", timedelta(0))
    await start(client, ref_of("orphan"))
    await until_listed(client, lambda ids: ref_of("orphan").workflow_id in ids)
    signals = Taken()
    presence = presence_of(client, fleet_of([]), signals)

    await presence.check()
    await presence.check()

    hints = [hint for name, hint, _ in signals.hints if name == "orphan"]
    assert [(hint.gone, hint.cause) for hint in hints] == [(True, "there is no such deployment")]


async def test_many_missing_ones_are_all_found(client: Client) -> None:
    fleet, signals = fleet_of([deployment(f"lost-{number}") for number in range(120)]), Taken()

    await presence_of(client, fleet, signals).check()

    assert len(set(signals.names)) == 120


async def test_where_nothing_can_be_listed_deployments_are_asked_about_in_turn(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any, **__: Any) -> None:
        raise RPCError("no", RPCStatusCode.PERMISSION_DENIED, b"")

    monkeypatch.setattr(client.workflow_service, "list_workflow_executions", refused)
    await start(client, ref_of("turn-70"))
    fleet, signals = fleet_of([deployment(f"turn-{number}") for number in range(120)]), Taken()
    presence = presence_of(client, fleet, signals)

    with capture_logs() as logs:
        for _ in range(3):
            await presence.check()

    assert set(signals.names) == {f"turn-{number}" for number in range(120)} - {"turn-70"}
    assert len([entry for entry in logs if "cannot be listed" in entry["event"]]) == 1


async def test_a_server_that_knows_no_prefixes_is_asked_without(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = client.workflow_service.list_workflow_executions

    async def picky(request: Any) -> Any:
        if "STARTS_WITH" in request.query:
            raise RPCError("operator not supported", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await listing(request)

    await start(client, ref_of("plain"))
    await start(client, ref("plain", cluster="elsewhere"))
    await until_listed(client, lambda ids: ref_of("plain").workflow_id in ids)
    monkeypatch.setattr(client.workflow_service, "list_workflow_executions", picky)

    found = await open_workflows(client, "here")

    assert found is not None
    assert ref_of("plain").workflow_id in found
    assert {key.split("/")[1] for key in found} == {"here"}


async def test_a_stuck_workflow_leaves_one_event_and_a_line_when_it_is_over(
    client: Client, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.create(NAMESPACES, {"metadata": {"name": "ml"}})
    problem = "its workflow task fails again and again"
    monkeypatch.setattr(stuck_module, "workflow_problem", lambda description, *, now: problem)
    await start(client, ref_of("stuck"))
    fleet, signals = fleet_of([deployment("stuck")]), Taken()
    presence = presence_of(
        client, fleet, signals, cluster=cluster, unanswered={ref_of("stuck"): "generation 2"}
    )

    with capture_logs() as logs:
        await presence.check()
        await presence.check()
        problem = ""
        await presence.check()

    events = (await cluster.listing(EVENTS, namespace="ml")).items
    [event] = [entry for entry in events if entry["involvedObject"]["name"] == "stuck"]
    assert (event["reason"], event["type"], event["count"]) == ("WorkflowStuck", "Warning", 1)
    assert "modeldeployment/here/ml/stuck cannot progress" in event["message"]
    said = [entry["event"] for entry in logs if "progress" in entry["event"]]
    assert said == ["a workflow cannot progress", "a workflow can progress again"]


async def test_that_no_worker_runs_is_said_once_for_all(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck_module, "workflow_problem", lambda description, *, now: NO_WORKER)
    refs = [ref_of(f"waits-{number}") for number in range(3)]
    for entry in refs:
        await start(client, entry)
    fleet = fleet_of([deployment(entry.name) for entry in refs], [(server(), "chat")])
    presence = presence_of(client, fleet, Taken(), unanswered=dict.fromkeys(refs, "generation 2"))

    with capture_logs() as logs:
        await presence.check()
        await presence.check()

    lines = [entry for entry in logs if entry["event"] == "no worker takes workflow tasks"]
    assert [line["deployments"] for line in lines] == [3]


async def test_tasks_that_nobody_takes_are_the_backlog(client: Client) -> None:
    queue = core_task_queue("backlogged")
    await client.start_workflow("ModelDeploymentWorkflow", id="backlogged", task_queue=queue)
    queues = queues_of("backlogged", ["kaito"])

    async with asyncio.timeout(90):
        while (await task_backlog(client, queues)).get((queue, "workflow")) != 1:
            await asyncio.sleep(0.1)

    waiting = await task_backlog(client, queues)
    assert waiting[queue, "activity"] == 0
    assert waiting[provider_task_queue("backlogged", "kaito"), "activity"] == 0
    assert len(waiting) == 5
