"""`airunway retry`: ask a deployment's workflow to try its failed step again."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from airunway.cli import options


def retry(
    name: Annotated[str, typer.Argument(help="Name of the ModelDeployment.")],
    namespace: options.Namespace = "default",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Try the failed step of a deployment again.

    Without changing its spec: sends the signal `retry` to its workflow. A failed or cancelled build of its
    model's image begins again, and uses what the builder still has.
    """
    from airunway.cli.signals import send_signal

    sent = send_signal("retry", namespace=namespace, name=name, kubeconfig=kubeconfig)
    print(f"retry sent to {asyncio.run(sent)}")
