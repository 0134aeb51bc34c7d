"""`airunway migrate`: its commands and options."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where

migrate = typer.Typer(
    help="Move a cluster from AI Runway's own controllers to this system, or back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SECONDS = 900.0
"""A worker that ends may go on for eleven minutes (deploy/manifests/worker.yaml)."""
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is changed.")]
Timeout = Annotated[
    float,
    typer.Option("--timeout", min=1, metavar="SECONDS", help="For each thing that is waited for."),
]


@migrate.command()
def check(
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Say what is in the way, and what would change of each deployment. Changes nothing.

    Nothing is ever made anew. Fields that this system renders otherwise are listed, with when they would be
    written: now, or with the next change of the spec. Exit status: 0 it can begin, 1 it cannot.
    """
    from airunway.cli.migrate.check import report

    if not report(Where(kubeconfig, context), form=form):
        raise typer.Exit(1)


@migrate.command()
def run(
    yes: Yes = False,
    seconds: Timeout = SECONDS,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """End AI Runway's controllers, start this system, and look whether everything serves as before.

    Never are both at work. Given again after it was killed or gave up, it goes on from there. Exit status: 0
    every deployment was taken over and none made anew, 1 otherwise.
    """
    _move("run", Where(kubeconfig, context), yes=yes, seconds=seconds, form=form)


@migrate.command()
def back(
    yes: Yes = False,
    seconds: Timeout = SECONDS,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """End this system and start AI Runway's controllers as `run` found them."""
    _move("back", Where(kubeconfig, context), yes=yes, seconds=seconds, form=form)


def _move(direction: str, where: Where, *, yes: bool, seconds: float, form: OutputFormat) -> None:
    from airunway.cli.migrate.report import move

    if not move(direction, where, yes=yes, seconds=seconds, form=form):
        raise typer.Exit(1)
