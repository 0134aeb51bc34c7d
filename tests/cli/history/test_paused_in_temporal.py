"""A run that somebody pauses in Temporal, which the SDK's client knows no status for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest
from temporalio.client import Client

from airunway.console.history.fetch import runs_of
from airunway.console.workflow_detail import state_in_detail
from airunway.console.workflow_state import last_closed, trouble
from airunway.console.workflow_states import open_states
from airunway.messages.refs import DeploymentRef
from airunway.operations.updates import how_it_closed
from airunway.sandbox.temporal import TemporalServer
from tests.workflows.waiting import first

ID = DeploymentRef(cluster="here", namespace="default", name="chat").workflow_id
CAN_PAUSE = {"frontend.WorkflowPauseEnabled": "true"}

pytestmark = pytest.mark.timeout(120)


async def test_it_is_told_and_its_runs_are_found() -> None:
    async with TemporalServer(headless=True, settings=CAN_PAUSE) as server:
        client = await Client.connect(server.address)
        await client.start_workflow("ModelDeploymentWorkflow", id=ID, task_queue="nobody")
        await client.workflow_service.pause_workflow_execution(
            PauseWorkflowExecutionRequest(
                namespace=client.namespace, workflow_id=ID, identity="ann", reason="a look", request_id="1"
            )
        )
        state = await state_in_detail(client, ID)
        listed = await first(lambda: _listed(client))
        runs = await runs_of(client, ID)
        recent = await runs_of(client, ID, since=datetime.now(UTC) - timedelta(minutes=5))
        closed = await how_it_closed(client, ID)

    told = "paused in Temporal by ann (a look); nothing goes on until it is unpaused there"
    assert trouble(state, now=datetime.now(UTC)) == told
    assert listed == "paused"
    assert runs == recent and [run.closed_at for run in runs] == [None]
    assert closed == ""


async def _listed(client: Client) -> str | None:
    found = await last_closed(partial(open_states, client), [ID])
    return found[ID].status if ID in found else None
