"""What a person can send to a deployment's workflow."""

from __future__ import annotations

from pathlib import Path

from temporalio.service import RPCError, RPCStatusCode

from airunway.cli.cluster import named_settings
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.messages.refs import DeploymentRef


async def send_signal(signal: str, *, namespace: str, name: str, kubeconfig: Path | None) -> str:
    """Send it; answers the workflow's id. Raises CliError when there is no workflow."""
    settings = await named_settings(kubeconfig)
    ref = DeploymentRef(cluster=settings.cluster, namespace=namespace, name=name)
    client = await temporal_client(settings)
    try:
        await client.get_workflow_handle(ref.workflow_id).signal(signal)
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            raise CliError(
                f"no workflow runs for ModelDeployment {ref} ({ref.workflow_id}); "
                "does it exist, and does a watcher run?"
            ) from err
        raise
    return ref.workflow_id
