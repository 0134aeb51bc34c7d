"""`airunway list` and `airunway status`: deployments as the cluster and their workflows know them."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Keep showing, until Ctrl-C.")]
AllClusters = Annotated[
    bool,
    typer.Option("--all-clusters", help="Of every cluster on this Temporal; no kubeconfig is needed."),
]
OneCluster = Annotated[
    str, typer.Option("--cluster", metavar="CLUSTER", help="With --all-clusters: only of this one.")
]


def list_deployments(
    namespace: options.Namespace = None,
    all_namespaces: options.AllNamespaces = False,
    form: options.Output = OutputFormat.TABLE,
    watch: Watch = False,
    all_clusters: AllClusters = False,
    cluster: OneCluster = "",
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """List deployments, and what is the matter with their workflows.

    With --watch the list is kept up to date; where the output is no terminal, a line for each deployment and
    for each change.
    """
    where = Where(kubeconfig, context)
    _show(None, namespace, all_namespaces, form, watch, all_clusters, cluster, where)


def status(
    name: Annotated[
        str | None,
        typer.Argument(
            help="One deployment, in full; absent: a list.",
            autocompletion=options.deployment_names,
            callback=options.deployment_name,
        ),
    ] = None,
    namespace: options.Namespace = None,
    all_namespaces: options.AllNamespaces = False,
    form: options.Output = OutputFormat.TABLE,
    watch: Watch = False,
    all_clusters: AllClusters = False,
    cluster: OneCluster = "",
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Show deployments and their workflows.

    Also how a workflow itself is, when it does not run: closed by hand, missing, or unable to progress.
    """
    where = Where(kubeconfig, context)
    _show(name, namespace, all_namespaces, form, watch, all_clusters, cluster, where)


def _show(
    name: str | None,
    namespace: str | None,
    all_namespaces: bool,
    form: OutputFormat,
    watch: bool,
    all_clusters: bool,
    cluster: str,
    where: Where,
) -> None:
    if all_clusters:
        if name or watch:
            raise typer.BadParameter("--all-clusters shows a list of everything; leave NAME and --watch out")
        from airunway.cli.status_fleet import report_fleet

        run_async(report_fleet(cluster, form=form, where=where))
        return
    if cluster:
        raise typer.BadParameter("--cluster goes with --all-clusters; else --context names the cluster")
    if watch and not form.is_table:
        raise typer.BadParameter("--watch shows a table; leave --output out, or take -o wide")
    if name and all_namespaces:
        raise typer.BadParameter("--all-namespaces shows a list; for one deployment give --namespace")
    from airunway.cli.lean import import_for_a_look

    import_for_a_look()
    from airunway.cli.status_report import report

    run_async(report(namespace, name, form=form, watch=watch, where=where, everywhere=all_namespaces))
