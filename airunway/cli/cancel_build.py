"""`airunway cancel-build`: a deployment does not want its model's image any more."""

from __future__ import annotations

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def cancel_build(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Stop waiting for the image that is built for a deployment.

    The build itself ends unless another deployment waits for the same image. `airunway retry`, or a change of
    the spec, starts it again. Refused when no image is being built.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import CANCEL_BUILD

    where = Where(kubeconfig, context)
    run_async(
        run_command(CANCEL_BUILD, namespace=namespace, name=name, reason=reason, form=form, where=where)
    )
