"""A watcher's start with many settled deployments, and workflows that hands end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import deployment_workflow_id
from tests.e2e.acme import SERVER
from tests.e2e.system import System

pytestmark = pytest.mark.timeout(600)

SETTLED = {"sandbox": 20, "real": 200}


@pytest_asyncio.fixture
async def attentive(system: System) -> System:
    """The watcher lists workflows every two seconds, so that nobody has to wait long."""
    await system.stop("watcher")
    system.settings = system.settings.model_copy(update={"presence": timedelta(seconds=2)})
    system.start_watcher()
    return system


@pytest_asyncio.fixture
async def client(system: System) -> Client:
    return await Client.connect(system.settings.temporal_address)


def id_of(system: System, name: str) -> str:
    return deployment_workflow_id("test", system.namespace, name)


async def signals_got(client: Client, system: System, names: list[str]) -> dict[str, int]:
    """Signals in the history of each deployment's open run."""
    got = {}
    for name in names:
        history = await client.get_workflow_handle(id_of(system, name)).fetch_history()
        got[name] = sum(
            event.HasField("workflow_execution_signaled_event_attributes") for event in history.events
        )
    return got


async def until_open(client: Client, workflow_id: str, *, not_run: str) -> None:
    """Until another run of a workflow is open."""
    async with asyncio.timeout(60):
        while True:
            try:
                described = await client.get_workflow_handle(workflow_id).describe()
                if described.status is WorkflowExecutionStatus.RUNNING and described.run_id != not_run:
                    return
            except RPCError as err:
                if err.status is not RPCStatusCode.NOT_FOUND:
                    raise
            await asyncio.sleep(0.1)


async def test_a_watcher_that_begins_leaves_settled_deployments_alone(
    system: System, client: Client, request: pytest.FixtureRequest
) -> None:
    count = SETTLED[request.node.callspec.params["system"]]
    names = [f"settled-{number}" for number in range(count)]
    for begin in range(0, count, 20):
        await asyncio.gather(*(system.running(name) for name in names[begin : begin + 20]))
    await system.stop("watcher")
    before = await signals_got(client, system, names)
    await system.edit(names[0], {"spec": {"scaling": {"replicas": 2}}})

    system.start_watcher()

    await system.until(lambda: system.server(names[0])["spec"]["replicas"] == 2, "two replicas")
    await system.deploy("new")  # and what comes later goes its way
    await system.serve("new")
    await system.until_phase("new", "Running")
    after = await signals_got(client, system, names)
    assert {name for name in names if after[name] != before[name]} <= {names[0]}


async def test_a_workflow_that_was_terminated_is_back_and_goes_on(attentive: System, client: Client) -> None:
    system = attentive
    await system.running("chat")
    handle = client.get_workflow_handle(id_of(system, "chat"))
    run = (await handle.describe()).run_id

    await handle.terminate("by hand")

    await until_open(client, handle.id, not_run=run or "")
    await system.edit("chat", {"spec": {"scaling": {"replicas": 3}}})
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 3, "three replicas")


async def test_what_was_done_while_no_watcher_ran_is_found(system: System, client: Client) -> None:
    for name in ("edited-object", "deleted-object", "ended"):
        await system.running(name)
    await system.stop("watcher")
    before = (await client.get_workflow_handle(id_of(system, "ended")).describe()).run_id
    await client.get_workflow_handle(id_of(system, "ended")).terminate("by hand")
    await asyncio.sleep(1.1)  # who wrote when is kept in whole seconds
    await system.change_server("edited-object", [{"op": "replace", "path": "/spec/replicas", "value": 7}])
    await system.cluster.delete(SERVER, "deleted-object", namespace=system.namespace)
    await system.until(lambda: not system.server("deleted-object"), "the server is gone")

    system.start_watcher()

    await system.until(lambda: system.server("edited-object")["spec"]["replicas"] == 1, "repaired")
    await system.until(lambda: bool(system.server("deleted-object")), "made again")
    await until_open(client, id_of(system, "ended"), not_run=before or "")
