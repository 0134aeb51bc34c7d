"""How far the build of an image is, from the heartbeats of its activity.

Temporal keeps them beside the history. They are fresher than what is reported to deployments, which costs
them a write of their status.
"""

from __future__ import annotations

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import model_image_build_workflow_id
from airunway.messages.model_image import BuildProgress


async def build_heartbeat(client: Client, image_workflow_id: str) -> BuildProgress | None:
    """What the build's activity said last; None when none runs. Raises RPCError, ValueError."""
    try:
        build = client.get_workflow_handle(model_image_build_workflow_id(image_workflow_id))
        described = await build.describe()
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    for pending in described.raw_description.pending_activities:
        payloads = pending.heartbeat_details.payloads
        if payloads:
            (progress,) = await client.data_converter.decode(payloads, [BuildProgress])
            return progress if isinstance(progress, BuildProgress) else None
    return None
