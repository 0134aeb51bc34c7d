"""Options that several commands have in common."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from airunway.cli.output import Format

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
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print the answer.")]
