"""Who waits for an image besides a deployment, as the image's workflow says it."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.messages.deployment_workflow import STATE_QUERY
from airunway.messages.image_others import ReadImageWaitersAnswer, others_in
from airunway.messages.model_image_workflow import ModelImageView
from airunway.messages.refs import DeploymentRef

QUERY_PATIENCE = timedelta(seconds=4)
"""Under the time that a step has inline."""


async def read_others(client: Client, workflow_id: str, ref: DeploymentRef) -> ReadImageWaitersAnswer:
    """Nobody waits for an image whose workflow is not there. Raises RPCError, WorkflowQueryFailedError."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        view = await handle.query(STATE_QUERY, result_type=ModelImageView, rpc_timeout=QUERY_PATIENCE)
    except RPCError as err:
        if err.status is not RPCStatusCode.NOT_FOUND:
            raise
        return ReadImageWaitersAnswer(others=0)
    return others_in(view, ref)
