"""`airunway retry`: ask a deployment's workflow to try its failed step again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from workers.cli import options
from workers.cli.problems import CliError


def retry(
    name: Annotated[str, typer.Argument(help="Name of the ModelDeployment.")],
    namespace: options.Namespace = "default",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Try the failed step of a deployment again.

    Without changing its spec: sends the signal `retry` to its workflow.
    """
    asyncio.run(_retry(namespace, name, kubeconfig))


async def _retry(namespace: str, name: str, kubeconfig: Path | None) -> None:
    from temporalio.service import RPCError, RPCStatusCode

    from api.names import deployment_workflow_id
    from workers.cli.cluster import settings_for
    from workers.cli.temporal import temporal_client

    client = await temporal_client(settings_for(kubeconfig))
    workflow_id = deployment_workflow_id(namespace, name)
    try:
        await client.get_workflow_handle(workflow_id).signal("retry")
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            raise CliError(
                f"no workflow runs for ModelDeployment {namespace}/{name} ({workflow_id}); "
                "does it exist, and does a watcher run?"
            ) from err
        raise
    print(f"retry sent to {workflow_id}")
