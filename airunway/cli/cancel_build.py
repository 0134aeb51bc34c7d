"""`airunway cancel-build`: a deployment does not want its model's image any more."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from airunway.cli import options


def cancel_build(
    name: Annotated[str, typer.Argument(help="Name of the ModelDeployment.")],
    namespace: options.Namespace = "default",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Stop waiting for the image that is built for a deployment.

    The build itself ends unless another deployment waits for the same image. `airunway retry`, or a change of
    the spec, starts it again.
    """
    from airunway.cli.signals import send_signal

    sent = send_signal("cancel_build", namespace=namespace, name=name, kubeconfig=kubeconfig)
    print(f"cancel_build sent to {asyncio.run(sent)}")
