"""`airunway status`: deployments as the cluster and their workflows know them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.output import OutputFormat


def status(
    name: Annotated[str | None, typer.Argument(help="One deployment, in full; absent: a list.")] = None,
    namespace: options.Namespace = "default",
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")
    ] = False,
    form: options.Output = OutputFormat.TABLE,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing, until Ctrl-C.")] = False,
    all_clusters: Annotated[
        bool,
        typer.Option("--all-clusters", help="Of every cluster on this Temporal; no kubeconfig is needed."),
    ] = False,
    cluster: Annotated[
        str, typer.Option("--cluster", metavar="CLUSTER", help="With --all-clusters: only of this one.")
    ] = "",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show deployments and their workflows.

    Also how a workflow itself is, when it does not run: closed by hand, missing, or unable to progress.
    """
    if all_clusters:
        if name or watch:
            raise typer.BadParameter("--all-clusters shows a list of everything; leave NAME and --watch out")
        from airunway.cli.status_fleet import report_fleet

        asyncio.run(report_fleet(cluster, form=form, kubeconfig=kubeconfig))
        return
    if cluster:
        raise typer.BadParameter("--cluster goes with --all-clusters; else --kubeconfig names the cluster")
    if watch and form is not OutputFormat.TABLE:
        raise typer.BadParameter("--watch shows a table; leave --output out")
    if name and all_namespaces:
        raise typer.BadParameter("--all-namespaces shows a list; for one deployment give --namespace")
    from airunway.cli.status_report import report

    scope = None if all_namespaces else namespace
    asyncio.run(report(scope, name, form=form, watch=watch, kubeconfig=kubeconfig))
