"""The work of `airunway open`: the addresses of one deployment. Temporal is not asked."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.console.links import BUILDING, filter_link, workflow_link
from airunway.console.queries import literal
from airunway.console.rows import deployment_resource, deployment_row
from airunway.messages.refs import DeploymentRef
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of


async def print_links(
    namespace: str | None, name: str, *, form: OutputFormat, browser: bool, where: Where
) -> None:
    """Print them. Raises CliError for a name that no deployment can have."""
    settings = settings_for(where)
    namespace = namespace_for(settings, namespace)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        settings = await with_cluster_name(settings, cluster)
        try:
            deployment = await cluster.get(DEPLOYMENTS, name, namespace=namespace)
        except NotFound as err:
            if "no object can be called" in str(err):
                raise CliError(str(err)) from err
            deployment = None
    ref = DeploymentRef(cluster=settings.cluster, namespace=namespace, name=name)
    if deployment is None:
        output.note(
            f"no {names.DEPLOYMENT_KIND} {ref}; its workflow is seen for as long as Temporal keeps it"
        )
    links = links_of(settings, ref, deployment)
    if form.is_table:
        output.facts(output.console(), list(links.items()))
    else:
        output.data({"deployment": str(ref), "links": links}, form, names=[deployment_resource(name)])
    if browser:
        webbrowser.open(next(iter(links.values())))


def links_of(settings: Settings, ref: DeploymentRef, deployment: Object | None) -> dict[str, str]:
    """The addresses by what is seen there, the workflow's first."""
    target = target_of(settings)
    row = deployment_row(deployment) if deployment is not None else None
    links = {"workflow": workflow_link(target, ref.workflow_id)}
    if row is not None and row.provider:
        installation = names.installation_workflow_id(ref.cluster, row.provider)
        links[f"installation of {row.provider}"] = workflow_link(target, installation)
    prefix = literal(f"image/{ref.cluster}/")
    links["builds of this cluster"] = filter_link(target, f"{BUILDING} AND WorkflowId STARTS_WITH {prefix}")
    model = _gateway_of(deployment or {})
    return {**links, "model": model} if model else links


def _gateway_of(deployment: Mapping[str, Any]) -> str:
    """Where its model is called; the status is anybody's who may write it, so only a web address counts."""
    gateway = (deployment.get("status") or {}).get("gateway") or {}
    url = str(gateway.get("url") or gateway.get("endpoint") or "")
    return url if url.startswith(("http://", "https://")) else ""
