"""Commands to a deployment's workflow: retry, cancel a build, pause, resume; the answer is printed."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api.names import DEPLOYMENT_KIND
from airunway.cli import output
from airunway.cli.cluster import named_settings, namespace_for
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.console.rows import deployment_resource
from airunway.console.temporal_errors import is_missing
from airunway.messages.commands import Asked
from airunway.messages.refs import DeploymentRef
from airunway.operations.updates import ask, how_it_closed, no_workflow
from airunway.workers.settings import Settings
from airunway.workers.temporal.identity import person_identity


async def run_command(
    command: str, *, namespace: str | None, name: str, reason: str, form: OutputFormat, where: Where
) -> None:
    """Ask for it and print the answer. Raises OperationError, or CliError: no workflow."""
    settings = await named_settings(where)
    ref = DeploymentRef(cluster=settings.cluster, namespace=namespace_for(settings, namespace), name=name)
    client = await temporal_client(settings)
    asked = Asked(by=person_identity(), reason=reason)
    try:
        answer = await ask(client, ref.workflow_id, command, asked, about=f"{DEPLOYMENT_KIND} {ref}")
    except RPCError as err:
        if not is_missing(err):
            raise
        raise CliError(await _why_no_workflow(client, settings, ref)) from err
    if form.is_table:
        output.line(f"{ref}: {answer.message}")
    else:
        said = {"deployment": str(ref), "command": command, "message": answer.message}
        output.data(said, form, names=[deployment_resource(ref.name)])


async def _why_no_workflow(client: Client, settings: Settings, ref: DeploymentRef) -> str:
    """In a sentence, what is the matter and what to do."""
    closed = await how_it_closed(client, ref.workflow_id)
    try:
        async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
            exists = await cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace) is not None
    except (ClientError, OSError):
        return f"no workflow runs for {DEPLOYMENT_KIND} {ref} ({closed or ref.workflow_id})"
    return no_workflow(ref, exists=exists, closed=closed)
