"""What a person can send to a deployment's workflow."""

from __future__ import annotations

from pathlib import Path

from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import deployment_workflow_id
from airunway.cli.cluster import settings_for
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client


async def send_signal(signal: str, *, namespace: str, name: str, kubeconfig: Path | None) -> str:
    """Send it; answers the workflow's id. Raises CliError when there is no workflow."""
    client = await temporal_client(settings_for(kubeconfig))
    workflow_id = deployment_workflow_id(namespace, name)
    try:
        await client.get_workflow_handle(workflow_id).signal(signal)
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            raise CliError(
                f"no workflow runs for ModelDeployment {namespace}/{name} ({workflow_id}); "
                "does it exist, and does a watcher run?"
            ) from err
        raise
    return workflow_id
