"""`airunway open`: where a deployment is seen in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def open_links(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Show the first of them in a browser as well.")
    ] = False,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Print the addresses at which a deployment is seen: its workflow, its model, what it builds.

    Those of Temporal's UI also for one that was deleted.
    """
    from airunway.cli.link_report import print_links

    where = Where(kubeconfig, context)
    run_async(print_links(namespace, name, form=form, browser=browser, where=where))
