"""`airunway versions`: the builds of this cluster's workers, and which of them gets the runs."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async

versions = typer.Typer(
    help="The builds of this cluster's workers, and which of them gets the runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

BuildId = Annotated[str, typer.Argument(help="The build, as `airunway versions list` shows it.")]


@versions.command("list")
def list_versions(
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """List the builds, how runs are routed to them, and how many open runs are pinned to each."""
    from airunway.cli.versions_report import report

    run_async(report(form=form, where=Where(kubeconfig, context)))


@versions.command("set-current")
def set_current(
    build: BuildId, kubeconfig: options.Kubeconfig = None, context: options.Context = None
) -> None:
    """Have runs begin on a build, which ends a ramp; open runs move there too, and so it is undone.

    The word `unversioned` means workers that run with AIRUNWAY_WORKER_VERSIONING=off.
    """
    from airunway.cli.versions_report import make_current

    run_async(make_current(build, where=Where(kubeconfig, context)))


@versions.command("ramp")
def ramp(
    build: BuildId,
    percentage: Annotated[
        float, typer.Option("--percentage", min=0, max=100, help="Share of the deployments; 0 ends the ramp.")
    ],
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Have a share of the deployments run on a build, the others on the current one: a canary.

    Which ones is decided by their workflow ids. A deployment moves when something happens to it.
    """
    from airunway.cli.versions_report import make_ramping

    run_async(make_ramping(build, percentage, where=Where(kubeconfig, context)))
