"""Options that several commands have in common."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from airunway.cli.output import OutputFormat

STARTED = time.monotonic()
"""When the command began, as near as Python code can tell."""

STATE_DIR = Path(".airunway")
"""Where `airunway up` keeps its state, and other commands look for it."""

Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        help="Kubeconfig of the cluster. Absent: AIRUNWAY_KUBECONFIG, KUBECONFIG, a running `airunway up` "
        "of this directory, ~/.kube/config.",
        show_default=False,
    ),
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Kubernetes namespace.")]
DeploymentName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the ModelDeployment.")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history and shown as an Event.")
]
Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="How to print the answer.")]


@dataclass(frozen=True, kw_only=True)
class OperationOptions:
    """What a person wants done to a provider's operator, and how to be asked and answered."""

    operation: str
    """`install`, `upgrade`, `uninstall` or `repair`."""
    provider: str
    dry_run: bool = False
    detach: bool = False
    delete_crds: bool = False
    yes: bool = False
    form: OutputFormat = OutputFormat.TABLE
