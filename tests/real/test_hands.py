"""What a person can do to a workflow in Temporal's UI: none of it loses or stops the deployment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import NAMESPACES
from airunway.messages.commands import CANCEL_BUILD, COMMANDS, PAUSE, RESUME, RETRY, Asked, CommandAnswer
from airunway.messages.deployment_workflow import OBJECT_CHANGED
from airunway.messages.journal import Journal
from tests.e2e.acme import SERVER
from tests.real.hands import HandledSystem
from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

ALICE = Asked(by="alice@laptop", reason="trying it out")


@pytest_asyncio.fixture
async def system(real_cluster: Cluster, real_temporal: TemporalServer) -> AsyncIterator[HandledSystem]:
    async with HandledSystem(real_cluster.kubeconfig, real_temporal.address) as running:
        yield running


async def run_id(system: HandledSystem, name: str) -> str:
    run = await system.run_of(name)
    assert run is not None
    return run.run_id


async def journal_of(system: HandledSystem, name: str) -> Journal:
    journal: Journal = await system.workflow(name).query("journal", result_type=Journal)
    return journal


async def test_a_terminated_workflow_is_back_and_goes_on(system: HandledSystem) -> None:
    await system.running("chat")
    uid = system.server("chat")["metadata"]["uid"]
    before = await run_id(system, "chat")

    await system.workflow("chat").terminate("by hand")

    await system.until_another_run("chat", before)
    await system.until_answers_an_edit("chat", 2)
    assert system.server("chat")["metadata"]["uid"] == uid, "what runs was not made again"


async def test_it_is_back_in_whatever_stage_it_was(system: HandledSystem) -> None:
    await system.deploy("deploying")
    await system.until_phase("deploying", "Deploying")
    await system.deploy("failed", model={"id": "cannot/render"})
    await system.until_phase("failed", "Failed")
    await system.deploy("pending", engine={"type": "sglang"})
    await system.until(lambda: bool(system.status("pending").get("conditions")), "pending looked at")
    names = ("deploying", "failed", "pending")
    before = {name: await run_id(system, name) for name in names}

    for name in names:
        await system.workflow(name).terminate("by hand")

    for name in names:
        await system.until_another_run(name, before[name])
    good = {"model": {"id": "org/model"}, "engine": {"type": "vllm"}}
    for name in ("failed", "pending"):
        await system.edit(name, {"spec": good})
    for name in names:
        await system.until_answers_an_edit(name, 2)


async def test_a_workflow_that_was_deleted_with_its_history_is_back(system: HandledSystem) -> None:
    await system.running("chat")
    before = await run_id(system, "chat")

    await system.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=system.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=system.workflow("chat").id, run_id=before),
        )
    )

    await system.until_another_run("chat", before)
    await system.until_answers_an_edit("chat", 2)


async def test_a_request_to_cancel_has_nothing_to_cancel_and_can_be_repeated(system: HandledSystem) -> None:
    await system.running("chat")

    for _ in range(2):
        before = await run_id(system, "chat")
        await system.workflow("chat").cancel()
        after = await system.until_another_run("chat", before)
        assert not after.raw_description.workflow_extended_info.cancel_requested

    assert system.status("chat")["phase"] == "Running"
    said = [entry.what for entry in (await journal_of(system, "chat")).entries]
    assert any(what.startswith("Cancel") for what in said), said
    await system.until_answers_an_edit("chat", 2)


async def test_a_reset_goes_on_from_what_the_cluster_says(system: HandledSystem) -> None:
    await system.running("chat")
    await system.until_answers_an_edit("chat", 3)
    before = await run_id(system, "chat")
    history = await system.workflow("chat").fetch_history()
    first = next(
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )

    await system.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=system.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=system.workflow("chat").id, run_id=before),
            reason="by hand",
            workflow_task_finish_event_id=first,
            request_id=before,
        )
    )

    await system.until_another_run("chat", before)
    await system.until_answers_an_edit("chat", 2)


@pytest.mark.parametrize(
    "payloads",
    [[], ["text"], [7], [["a"]], [{"by": 7, "uid": 7, "deleted": "maybe"}], ["a", {"b": 1}, None]],
)
async def test_signals_that_make_no_sense_stop_nothing(system: HandledSystem, payloads: list[Any]) -> None:
    await system.running("chat")
    before = await run_id(system, "chat")

    for signal in (*COMMANDS, OBJECT_CHANGED, "internal_image_report", "internal_install_report", "colour"):
        if not (signal in (PAUSE, CANCEL_BUILD) and payloads == []):
            await system.workflow("chat").signal(signal, args=payloads)

    journal = await journal_of(system, "chat")
    assert any("colour" in entry.message for entry in journal.entries)
    await system.until_answers_an_edit("chat", 2)
    run = await system.run_of("chat")
    assert run is not None
    assert run.run_id == before
    assert run.raw_description.pending_workflow_task.attempt <= 1


async def test_commands_answer_or_say_why_not(system: HandledSystem) -> None:
    await system.running("chat")
    workflow = system.workflow("chat")

    for command, why in ((RETRY, "nothing failed"), (CANCEL_BUILD, "image"), (RESUME, "not paused")):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await workflow.execute_update(command, ALICE)
        assert why in str(refused.value.cause)

    paused = await workflow.execute_update(PAUSE, ALICE, result_type=CommandAnswer)
    assert paused.message
    await system.edit("chat", {"spec": {"scaling": {"replicas": 2}}})
    with pytest.raises(WorkflowUpdateFailedError):
        await workflow.execute_update(PAUSE, ALICE)
    assert system.server("chat")["spec"].get("replicas") != 2
    await workflow.execute_update(RESUME, ALICE)
    await system.until(lambda: system.server("chat")["spec"].get("replicas") == 2, "two replicas")
    by = {entry.by for entry in (await journal_of(system, "chat")).entries}
    assert "alice@laptop" in by


async def test_a_namespace_that_is_deleted_takes_everything_along(system: HandledSystem) -> None:
    for name in ("one", "two"):
        await system.running(name)
    await system.deploy("three")
    await system.until(lambda: bool(system.server("three")), "server three")

    await system.cluster.delete(NAMESPACES, system.namespace)

    await system.until(
        lambda: not any(system.deployment(name) for name in ("one", "two", "three")), "deployments gone"
    )
    await system.until(lambda: not any(system.server(name) for name in ("one", "two", "three")), "servers")
    async with asyncio.timeout(60):
        while await system.open_runs():
            await asyncio.sleep(0.2)
    for name in ("one", "two", "three"):
        run = await system.run_of(name)
        assert run is not None
        assert run.status is WorkflowExecutionStatus.COMPLETED


async def test_fifty_times_deleted_and_made_again(system: HandledSystem, real_cluster: Cluster) -> None:
    await system.running("chat")

    held = 0
    for turn in range(50):
        await system.until(lambda: bool(system.deployment("chat")), "made")
        if turn % 3:  # else it goes perhaps before anything was made of it, and there is nothing to take off
            await system.until(lambda: "finalizers" in system.deployment("chat")["metadata"], "held")
            held += 1
        before = system.deployment("chat")["metadata"]["uid"]
        await system.delete("chat")
        if turn % 10 == 5:
            await asyncio.to_thread(real_cluster.api_server.kill)
            await asyncio.to_thread(real_cluster.api_server.start)
        await system.until(
            lambda before=before: (  # type: ignore[misc]
                system.deployment("chat").get("metadata", {}).get("uid") != before
            ),
            "gone",
        )
        await system.deploy("chat")
    await system.serve("chat")
    await system.until_phase("chat", "Running")

    await system.until_answers_an_edit("chat", 2)
    with pytest.raises(NotFound):
        await system.cluster.get(SERVER, "another", namespace=system.namespace)
    assert held <= await deletions_that_can_be_read(system) <= 50


async def deletions_that_can_be_read(system: HandledSystem) -> int:
    """How many times the retained histories say that a finalizer was taken off."""
    count = 0
    async for run in system.client.list_workflows(f"WorkflowId = '{system.workflow('chat').id}'"):
        handle = system.client.get_workflow_handle(run.id, run_id=run.run_id)
        history = await handle.fetch_history()
        scheduled = {
            event.event_id
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == "remove_finalizers"
        }
        count += sum(
            event.activity_task_completed_event_attributes.scheduled_event_id in scheduled
            for event in history.events
        )
    return count
