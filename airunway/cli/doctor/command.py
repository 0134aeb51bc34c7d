"""`airunway doctor`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async

SECONDS = 15.0


def doctor(
    form: options.Output = OutputFormat.TABLE,
    seconds: Annotated[
        float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Time of each check.")
    ] = SECONDS,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Check everything that this system needs, and say what to do.

    Temporal, the cluster, AI Runway's own controllers, providers and their operators, registry, builder, Helm
    and the clock. Nothing is changed. Each check is alone: what one of them meets hides nothing of the
    others. Exit status: 0 nothing failed, 1 something did.
    """
    from airunway.cli.doctor.report import report

    if not run_async(report(Where(kubeconfig, context), form=form, seconds=seconds)):
        raise typer.Exit(1)
