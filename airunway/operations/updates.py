"""Asking a deployment's workflow for something: retry, cancel a build, pause, resume; and its answer.

Each is an update: answered, or refused with a reason. An update waits for a worker, and is lost when nobody
waits for it any more; so a command waits for a while, and then says that it did not get through.
"""

from __future__ import annotations

import asyncio

from pydantic import BaseModel
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from airunway.api.names import DEPLOYMENT_KIND
from airunway.console.temporal_errors import ENCODED_FAILURE, is_missing, is_not_ready
from airunway.console.workflow_states import description_of, state_of
from airunway.messages.commands import CommandAnswer
from airunway.messages.refs import DeploymentRef
from airunway.operations.errors import NotDelivered, Refused

DELIVERY_SECONDS = 15.0
"""Until a worker has taken it: more than Temporal waits for one that was killed before it asks another."""
SENT_AGAIN_SECONDS = 0.2
"""After a workflow that was not ready for it."""
ANSWER_SECONDS = 60.0
"""Until a worker that has taken it answers."""


async def ask(
    client: Client, workflow_id: str, command: str, asked: BaseModel, *, about: str
) -> CommandAnswer:
    """Send an update and wait for its answer. `about`: what it is about, for the sentence of an error.

    Raises OperationError when it is refused or nobody takes it, RPCError (NOT_FOUND): there is none.
    """
    try:
        async with asyncio.timeout(DELIVERY_SECONDS):
            update = await _delivered(client, workflow_id, command, asked)
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as err:
        raise NotDelivered(
            f"{about}: {command} was not delivered, because no worker took it within "
            f"{DELIVERY_SECONDS:.0f} s: is `airunway worker` running, and can the workflow progress "
            "(`airunway status`)? Ask again then"
        ) from err
    except WorkflowUpdateFailedError as err:
        raise Refused(f"{about}: refused: {_sentence(err)}") from err
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await update.result()
    except WorkflowUpdateFailedError as err:
        raise Refused(f"{about}: refused: {_sentence(err)}") from err
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as err:
        raise NotDelivered(
            f"{about}: {command} was taken up, but is not done after {ANSWER_SECONDS:.0f} s; it goes on: "
            "see `airunway history`"
        ) from err


async def _delivered(
    client: Client, workflow_id: str, command: str, asked: BaseModel
) -> WorkflowUpdateHandle[CommandAnswer]:
    handle = client.get_workflow_handle(workflow_id)
    while True:
        try:
            return await handle.start_update(
                command, asked, wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=CommandAnswer
            )
        except RPCError as err:
            if not is_not_ready(err):
                raise
        await asyncio.sleep(SENT_AGAIN_SECONDS)


def _sentence(err: WorkflowUpdateFailedError) -> str:
    cause = err.cause
    while isinstance(cause, FailureError) and cause.cause is not None:
        cause = cause.cause
    words = cause.message if isinstance(cause, FailureError) else str(cause)
    if words == ENCODED_FAILURE:
        return (
            "the workers have other keys for payloads than this command (AIRUNWAY_TEMPORAL_ENCRYPTION_KEYS)"
        )
    return words.splitlines()[0] if words else "no reason was given"


def no_workflow(ref: DeploymentRef, *, exists: bool, closed: str) -> str:
    """Why nothing can be asked. `closed`: how its last workflow ended; empty: there is none."""
    if not exists:
        return f"no {DEPLOYMENT_KIND} {ref}" + (f"; its workflow has ended ({closed})" if closed else "")
    how = f"its workflow has ended ({closed})" if closed else "it has no workflow"
    return (
        f"{DEPLOYMENT_KIND} {ref} exists, but {how}; a running watcher starts one within a minute: ask again "
        "then, and if it does not come, start `airunway watcher`"
    )


async def how_it_closed(client: Client, workflow_id: str) -> str:
    """How its last run ended; empty when Temporal knows none."""
    try:
        state = state_of((await description_of(client, workflow_id)).workflow_execution_info)
    except RPCError as err:
        if is_missing(err):
            return ""
        raise
    return f"{state.status} at {state.closed_at:%Y-%m-%d %H:%M:%SZ}" if state.closed_at else ""
