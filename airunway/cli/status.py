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
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show deployments and their workflows."""
    if watch and form is not OutputFormat.TABLE:
        raise typer.BadParameter("--watch shows a table; leave --output out")
    if name and all_namespaces:
        raise typer.BadParameter("--all-namespaces shows a list; for one deployment give --namespace")
    from airunway.cli.status_report import report

    scope = None if all_namespaces else namespace
    asyncio.run(report(scope, name, form=form, watch=watch, kubeconfig=kubeconfig))
