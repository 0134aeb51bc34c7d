"""Who changed a deployment on the pages, told to its workflow: Kubernetes keeps no person's name."""

from __future__ import annotations

import asyncio

from temporalio.service import RPCError

from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.operations.errors import OperationError
from airunway.web.identity import Caller
from airunway.web.state import WebState

PATIENCE_SECONDS = 2.0


async def put_on_record(state: WebState, caller: Caller, ref: DeploymentRef, words: str) -> None:
    """Say in journal and history who did what, after Kubernetes let them.

    A hint to look, as the watcher sends one. Where nobody takes it the change holds all the same.
    """
    hint = ChangeHint(cause=f"{caller.user}: {words}", by=caller.user)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            client = await state.temporal()
            await client.get_workflow_handle(ref.workflow_id).signal(OBJECT_CHANGED, hint)
    except (OperationError, RPCError, TimeoutError):
        return
