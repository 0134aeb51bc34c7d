"""Whoever reaches Temporal and wants harm: workflows of its own, by any id, that have any activity done."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.api.enums.v1 import EventType, RetryState
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.worker import Worker

QUEUE = "attacker"
ATTEMPTS = 5


@dataclass
class Order:
    """Have an activity done."""

    activity: str
    request: Any
    queue: str


@workflow.defn(name="ForeignWorkflow")
class ForeignWorkflow:
    """Has one activity done, on whatever queue."""

    @workflow.run
    async def run(self, order: Order) -> Any:
        return await workflow.execute_activity(
            order.activity,
            order.request,
            task_queue=order.queue,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=ATTEMPTS),
        )


@dataclass(frozen=True)
class Outcome:
    """What came of it, as the history of the attacker's workflow keeps it."""

    answer: Any = None
    kind: str = ""
    message: str = ""
    is_final: bool = False
    """It was refused, and was not tried again."""


class Attacker:
    """A client of the Temporal server, and a worker for its own workflow."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def has_done(self, step: str, request: Any, *, queue: str, workflow_id: str = "") -> Outcome:
        """Have a step done by a workflow of that id, which takes the place of the one that has it."""
        handle = await self.client.start_workflow(
            ForeignWorkflow.run,
            Order(step, _plain(request), queue),
            id=workflow_id or f"somebody-{uuid.uuid4().hex[:8]}",
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
            execution_timeout=timedelta(minutes=2),
        )
        try:
            return Outcome(answer=await handle.result())
        except WorkflowFailureError:
            return _outcome(await handle.fetch_history())


def _plain(request: Any) -> Any:
    return request.model_dump(mode="json") if isinstance(request, BaseModel) else request


def _outcome(history: WorkflowHistory) -> Outcome:
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
            failed = event.activity_task_failed_event_attributes
            return Outcome(
                kind=failed.failure.application_failure_info.type,
                message=failed.failure.message,
                is_final=failed.retry_state == RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
            )
    return Outcome(message="the activity neither succeeded nor failed")


@asynccontextmanager
async def attacking(client: Client) -> AsyncIterator[Attacker]:
    """An attacker at work."""
    async with Worker(client, task_queue=QUEUE, workflows=[ForeignWorkflow]):
        yield Attacker(client)
