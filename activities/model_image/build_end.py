"""How the workflow of an image's build stands, as Temporal has it: anybody may say that it has ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from airunway.messages.model_image_failures import BUILD_CANCELLED, BUILD_FAILED, BUILD_LOST
from airunway.messages.model_image_workflow import (
    MODEL_IMAGE_BUILD_WORKFLOW,
    BuildEnd,
    BuiltModelImage,
    ReadBuildAnswer,
)

END_PATIENCE = timedelta(seconds=2)
"""A build says that it ends just before it does; under the time that a step has inline."""

RUNNING = ReadBuildAnswer(end=BuildEnd.RUNNING)


async def read_build_end(client: Client, workflow_id: str, *, is_said_to_end: bool) -> ReadBuildAnswer:
    """How its latest run stands; one that is said to end is given a moment to. Without the image.

    Raises RPCError.
    """
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
        if described.workflow_type != MODEL_IMAGE_BUILD_WORKFLOW:
            return _lost(f"{workflow_id} is a {described.workflow_type[:100]}: find out who started that")
        if described.status is WorkflowExecutionStatus.RUNNING and not is_said_to_end:
            return RUNNING
        async with asyncio.timeout(END_PATIENCE.total_seconds()):
            end = await _last_event(client.get_workflow_handle(workflow_id, run_id=described.run_id))
    except TimeoutError:
        return RUNNING
    except RPCError as err:
        if err.status is not RPCStatusCode.NOT_FOUND:
            raise
        return _lost(f"workflow {workflow_id}, which built the image, is not there any more")
    return await _as_it_ended(client, workflow_id, end)


async def _last_event(handle: WorkflowHandle[object, object]) -> HistoryEvent:
    events = handle.fetch_history_events(
        wait_new_event=True,
        event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT,
        skip_archival=True,
    )
    return await anext(events)


async def _as_it_ended(client: Client, workflow_id: str, event: HistoryEvent) -> ReadBuildAnswer:
    if event.HasField("workflow_execution_completed_event_attributes"):
        payloads = event.workflow_execution_completed_event_attributes.result.payloads
        (built,) = await client.data_converter.decode(payloads, [BuiltModelImage])
        return ReadBuildAnswer(end=BuildEnd.DONE, was_there=built.was_there)
    if event.HasField("workflow_execution_failed_event_attributes"):
        told = event.workflow_execution_failed_event_attributes.failure
        failure = await client.data_converter.decode_failure(told)
        reason = failure.type if isinstance(failure, ApplicationError) else None
        return ReadBuildAnswer(
            end=BuildEnd.FAILED,
            reason=reason or BUILD_FAILED,
            message=getattr(failure, "message", str(failure)),
        )
    if event.HasField("workflow_execution_canceled_event_attributes"):
        words = f"a request to cancel workflow {workflow_id}"
        return ReadBuildAnswer(end=BuildEnd.CANCELLED, reason=BUILD_CANCELLED, message=words)
    if event.HasField("workflow_execution_terminated_event_attributes"):
        about = event.workflow_execution_terminated_event_attributes
        why = f": {about.reason}" if about.reason else ""
        by = about.identity or "somebody"
        return _lost(f"workflow {workflow_id}, which built the image, was terminated by {by}{why}")
    return _lost(f"workflow {workflow_id}, which built the image, ended otherwise than it does by itself")


def _lost(words: str) -> ReadBuildAnswer:
    return ReadBuildAnswer(end=BuildEnd.LOST, reason=BUILD_LOST, message=words)
