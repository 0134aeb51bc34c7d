"""Who made or changed a deployment, for the record: Kubernetes keeps no person's name by itself.

As the field manager of the write, which the API server notes and the journal of the deployment names with
each generation; and told to its workflow at once, where there is one.
"""

from __future__ import annotations

import asyncio

from temporalio.service import RPCError

from airunway.api.plain_text import one_line
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.operations.errors import OperationError
from airunway.web.identity import Caller
from airunway.web.state import USER_AGENT, WebState

PATIENCE_SECONDS = 2.0
MAX_FIELD_MANAGER = 128
"""Bytes, all of them of printable letters: the API server refuses others."""


def written_by(caller: Caller) -> str:
    """The field manager of what a person writes: `airunway-web/ann`."""
    name = one_line(f"{USER_AGENT}/{caller.user}")
    return name.encode()[:MAX_FIELD_MANAGER].decode(errors="ignore")


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
