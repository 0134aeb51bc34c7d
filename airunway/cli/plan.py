"""`airunway plan`: what would become of manifests, without touching anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where

AgainstCluster = Annotated[
    bool,
    typer.Option(
        "--against-cluster",
        help="Say what would change in the cluster, and when; without -f or -k of all its deployments.",
    ),
]


Configs = Annotated[
    str | None,
    typer.Option(
        "--configs", help="Plan against these InferenceProviderConfigs (a manifest).", metavar="FILE"
    ),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        help="Plan against this cluster: its InferenceProviderConfigs, and what its API server says.",
        show_default=False,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="Plan against the cluster of this context, as with --kubeconfig.",
        autocompletion=options.context_names,
        show_default=False,
    ),
]


def plan(
    file: options.Files = None,
    recursive: options.Recursive = False,
    kustomize: options.Kustomize = None,
    form: options.Output = OutputFormat.TABLE,
    configs: Configs = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: options.Namespace = None,
    against_cluster: AgainstCluster = False,
) -> None:
    """Show what would become of manifests.

    Touches nothing. For each deployment: whether it is valid, which engine and provider would be chosen and
    why, why not the other providers, and the upstream objects. Without --configs, --kubeconfig or --context,
    the installed providers count as ready. With a cluster each object is rehearsed (a dry run): fields that
    the API server does not know, and what its webhooks refuse, are said. With --against-cluster also what
    would be written to the cluster's objects, as after taking over from other controllers. Exit status: 0
    all would be deployed, 1 some would not, 2 a file cannot be used.
    """
    where = Where(kubeconfig, context)
    if configs and where.is_named:
        raise typer.BadParameter("--configs contradicts --kubeconfig and --context")
    if configs and against_cluster:
        raise typer.BadParameter("--configs and --against-cluster contradict each other")
    given = options.Manifests(tuple(file or ()), recursive=recursive, kustomize=kustomize)
    if not given and not against_cluster:
        raise typer.BadParameter(
            "name manifests by -f or -k, or ask for all deployments by --against-cluster"
        )
    from airunway.cli.plan_report import report

    if not report(
        given,
        configs=configs,
        where=where,
        namespace=namespace,
        form=form,
        against_cluster=against_cluster,
    ):
        raise typer.Exit(1)
