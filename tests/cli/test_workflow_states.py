"""`airunway status`: how workflows themselves are, in the list, in the detail, and over all clusters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.worker import Worker

from airunway.api.names import core_task_queue
from airunway.cli import status_watch
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import ANYWHERE, Where
from airunway.cli.status_fleet import fleet, report_fleet
from airunway.cli.status_report import report
from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.console import fleet_troubles
from airunway.console.workflow_detail import state_in_detail
from airunway.console.workflow_state import WorkflowState, trouble
from airunway.messages.search_attributes import CLUSTER as CLUSTER_KEY
from airunway.messages.search_attributes import MODEL, PHASE
from tests.cli.fake_deployment import BrokenDeployment
from tests.cli.temporal_place import CLUSTER, PATIENCE_SECONDS, Place, place, until

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
RUNNING = WorkflowState(workflow_id="w", run_id="r", status="running", started_at=NOON)
CLOSED = replace(RUNNING, closed_at=NOON)


@pytest.mark.parametrize(
    ("state", "want"),
    [
        pytest.param(RUNNING, "", id="nothing"),
        pytest.param(None, "none; a running watcher starts one within a minute", id="missing"),
        pytest.param(
            replace(CLOSED, status="terminated", closed_by="ann@desk", closed_because="oops"),
            "terminated 5m ago by ann@desk (oops)",
            id="by hand",
        ),
        pytest.param(replace(CLOSED, status="timed_out"), "timed out 5m ago", id="timed out"),
        pytest.param(
            replace(
                RUNNING,
                problems=(
                    "category=WorkflowTaskFailed",
                    "cause=WorkflowTaskFailedCauseNonDeterministicError",
                ),
            ),
            "cannot progress: NonDeterministicError",
            id="reported",
        ),
        pytest.param(
            replace(RUNNING, failed_attempts=7, last_error="oh no"),
            "cannot progress (attempt 7): oh no",
            id="seen",
        ),
    ],
)
def test_what_is_the_matter(state: WorkflowState | None, want: str) -> None:
    assert trouble(state, now=NOON + timedelta(minutes=5)) == want


@asynccontextmanager
async def reached(folder: Path, patch: pytest.MonkeyPatch, *, attributes: bool) -> AsyncIterator[Place]:
    async with place(folder, search_attributes=attributes) as running:
        patch.setenv("AIRUNWAY_CLUSTER", CLUSTER)
        patch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", running.client.service_client.config.target_host)
        patch.setattr(fleet_troubles, "NEW", timedelta(0))
        yield running


@pytest_asyncio.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with reached(tmp_path, monkeypatch, attributes=True) as running:
        yield running


async def listed(here: Place, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    await report("default", None, form=OutputFormat.JSON, watch=False, where=Where(here.kubeconfig))
    answer = json.loads(capsys.readouterr().out)
    assert answer["cluster"] == CLUSTER
    workflows: dict[str, str] = answer["workflows"]
    return workflows


async def test_a_list_says_only_what_is_the_matter(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("fine", "ended", "alone"):
        await here.deployment(name)
    await here.workflow("fine")
    await here.client.get_workflow_handle(await here.workflow("ended")).terminate()
    await until("ExecutionStatus = 'Terminated'", here.client, lambda count: count == 1)
    await until("ExecutionStatus = 'Running'", here.client, lambda count: count == 1)

    said = await listed(here, capsys)

    assert said.keys() == {"default/ended", "default/alone"}
    assert said["default/ended"].startswith("terminated ")
    assert said["default/alone"].startswith("none; ")


async def test_the_column_is_there_only_when_needed(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    await here.deployment("fine")
    workflow_id = await here.workflow("fine")
    await until("ExecutionStatus = 'Running'", here.client, lambda count: count == 1)

    await report("default", None, form=OutputFormat.TABLE, watch=False, where=Where(here.kubeconfig))
    before = capsys.readouterr().out
    await here.client.get_workflow_handle(workflow_id).terminate()
    await until("ExecutionStatus = 'Terminated'", here.client, lambda count: count == 1)
    await report("default", None, form=OutputFormat.TABLE, watch=False, where=Where(here.kubeconfig))

    assert "WORKFLOW" not in before
    assert "WORKFLOW" in capsys.readouterr().out


async def test_a_watch_into_a_pipe_prints_a_line_for_each_change(
    here: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_watch, "REFRESH_SECONDS", 0.05)
    made = await here.deployment("chat")
    seen = ""

    async def until_said(words: str) -> None:
        nonlocal seen
        async with asyncio.timeout(PATIENCE_SECONDS):
            while words not in seen:
                await asyncio.sleep(0.05)
                seen += capsys.readouterr().out

    watching = asyncio.create_task(
        report("default", "chat", form=OutputFormat.TABLE, watch=True, where=Where(here.kubeconfig))
    )
    try:
        await until_said("default/chat")
        running = {"phase": "Running", "replicas": {"desired": 2, "ready": 1}, "message": "one pod starts"}
        body = {**{key: made[key] for key in ("apiVersion", "kind")}, "status": running}
        body["metadata"] = {"name": "chat", "namespace": "default"}
        await here.cluster.apply(DEPLOYMENTS, body, field_manager="test", subresource="status")
        await until_said("default/chat Running 1/2 one pod starts")
        await here.cluster.delete(DEPLOYMENTS, "chat", namespace="default")
        await until_said("default/chat gone")
    finally:
        watching.cancel()

    assert len(seen.splitlines()) == 3


async def test_the_detail_says_who_closed_it_and_why(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    await here.deployment("chat")
    await here.client.get_workflow_handle(await here.workflow("chat")).terminate(reason="by mistake")

    await report("default", "chat", form=OutputFormat.JSON, watch=False, where=Where(here.kubeconfig))

    told = json.loads(capsys.readouterr().out)["workflow"]
    assert (told["status"], told["closedBy"], told["closedBecause"]) == (
        "terminated",
        "test@host",
        "by mistake",
    )


async def test_a_workflow_that_cannot_progress_says_its_last_error(here: Place) -> None:
    workflow_id = await here.workflow("chat")

    async with Worker(here.client, task_queue=core_task_queue(CLUSTER), workflows=[BrokenDeployment]):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (state := await state_in_detail(here.client, workflow_id)) is None or not state.is_stuck:
                await asyncio.sleep(0.05)

    assert "this build does not fit" in trouble(state, now=NOON)


async def test_the_fleet_is_read_from_visibility_alone(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    running = await here.workflow("chat", cluster="west")
    await here.workflow("chat", cluster="east")
    await here.client.get_workflow_handle(await here.workflow("old", cluster="west")).terminate()
    await until("ExecutionStatus = 'Running'", here.client, lambda count: count == 2)
    await until("ExecutionStatus = 'Terminated'", here.client, lambda count: count == 1)

    rows = await fleet(here.client, "")
    await report_fleet("west", form=OutputFormat.JSON, where=ANYWHERE)

    assert [(row.cluster, row.name, bool(row.workflow)) for row in rows] == [
        ("east", "chat", False),
        ("west", "chat", False),
        ("west", "old", True),
    ]
    told = capsys.readouterr()
    assert [item["name"] for item in json.loads(told.out)["items"]] == ["chat", "old"]
    assert "lacks the search attributes" not in told.err
    assert running == "modeldeployment/west/default/chat"


async def test_one_that_came_back_is_told_once(here: Place) -> None:
    await here.client.get_workflow_handle(await here.workflow("chat")).terminate()
    await here.workflow("chat")
    await until("ExecutionStatus = 'Terminated'", here.client, lambda count: count == 1)
    await until("ExecutionStatus = 'Running'", here.client, lambda count: count == 1)

    rows = await fleet(here.client, "")

    assert [(row.name, row.workflow) for row in rows] == [("chat", "")]


async def test_missing_search_attributes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with reached(tmp_path, monkeypatch, attributes=False) as here:
        await here.workflow("chat")
        await until("ExecutionStatus = 'Running'", here.client, lambda count: count == 1)

        await report_fleet("", form=OutputFormat.TABLE, where=ANYWHERE)

    told = capsys.readouterr()
    assert "chat" in told.out
    assert "lacks the search attributes" in told.err
    for key in (PHASE, MODEL, CLUSTER_KEY):
        assert key.name in told.err
