"""`airunway cancel-build`: a deployment does not want its model's image any more."""

from __future__ import annotations

import asyncio

from airunway.cli import options
from airunway.cli.output import OutputFormat


def cancel_build(
    name: options.DeploymentName,
    namespace: options.Namespace = "default",
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Stop waiting for the image that is built for a deployment.

    The build itself ends unless another deployment waits for the same image. `airunway retry`, or a change of
    the spec, starts it again. Refused when no image is being built.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import CANCEL_BUILD

    asyncio.run(
        run_command(
            CANCEL_BUILD, namespace=namespace, name=name, reason=reason, form=form, kubeconfig=kubeconfig
        )
    )
