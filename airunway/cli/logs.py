"""`airunway logs`: what the containers of a deployment say."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def logs(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, until Ctrl-C.")] = False,
    container: Annotated[
        str,
        typer.Option(
            "--container",
            "-c",
            metavar="NAME",
            help="This container of each pod; absent: the engine's.",
            autocompletion=options.container_names,
        ),
    ] = "",
    all_containers: Annotated[
        bool, typer.Option("--all-containers", help="Of each pod every container, the engine's first.")
    ] = False,
    tail: Annotated[
        int, typer.Option("--tail", metavar="LINES", min=-1, help="Only the last lines; -1: all.")
    ] = -1,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the run before the container's last start.")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Print the logs of a deployment's pods.

    Where there are several, each line says whose it is. What of a log would steer a terminal is not printed.
    """
    if container and all_containers:
        raise typer.BadParameter("--container and --all-containers contradict each other")
    if previous and follow:
        raise typer.BadParameter("--previous is over; leave --follow out")
    from airunway.cli.pod_logs import PodLogOptions, print_logs

    wanted = PodLogOptions(
        container=container,
        all_containers=all_containers,
        follow=follow,
        previous=previous,
        tail_lines=None if tail < 0 else tail,
    )
    run_async(print_logs(namespace, name, wanted, where=Where(kubeconfig, context)))
