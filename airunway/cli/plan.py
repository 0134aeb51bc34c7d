"""`airunway plan`: what would become of manifests, without touching anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.output import OutputFormat

Files = Annotated[
    list[str] | None,
    typer.Option(
        "--filename", "-f", help="Manifest, `-` for standard input; again for more.", metavar="FILE"
    ),
]
AgainstCluster = Annotated[
    bool,
    typer.Option(
        "--against-cluster",
        help="Say what would change in the cluster, and when; without -f of all its deployments.",
    ),
]


def plan(
    file: Files = None,
    form: options.Output = OutputFormat.TABLE,
    configs: Annotated[
        str | None,
        typer.Option(
            "--configs", help="Plan against these InferenceProviderConfigs (a manifest).", metavar="FILE"
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            "--kubeconfig",
            help="Plan against this cluster: its InferenceProviderConfigs, and what its API server says.",
            show_default=False,
        ),
    ] = None,
    namespace: options.Namespace = "default",
    against_cluster: AgainstCluster = False,
) -> None:
    """Show what would become of manifests.

    Touches nothing. For each deployment: whether it is valid, which engine and provider would be chosen and
    why, why not the other providers, and the upstream objects. Without --configs or --kubeconfig, the
    installed providers count as ready. With --kubeconfig each object is rehearsed (a dry run): fields that
    the API server does not know, and what its webhooks refuse, are said. With --against-cluster also what
    would be written to the cluster's objects, as after taking over from other controllers. Exit status: 0
    all would be deployed, 1 some would not, 2 a file cannot be used.
    """
    if configs and kubeconfig:
        raise typer.BadParameter("--configs and --kubeconfig contradict each other")
    if configs and against_cluster:
        raise typer.BadParameter("--configs and --against-cluster contradict each other")
    if not file and not against_cluster:
        raise typer.BadParameter("name a manifest by -f, or ask for all deployments by --against-cluster")
    from airunway.cli.plan_report import report

    if not report(
        file or [],
        configs=configs,
        kubeconfig=kubeconfig,
        namespace=namespace,
        form=form,
        against_cluster=against_cluster,
    ):
        raise typer.Exit(1)
