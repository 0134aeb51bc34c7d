"""`airunway pause`: leave a deployment alone."""

from __future__ import annotations

import asyncio

from airunway.cli import options
from airunway.cli.output import OutputFormat


def pause(
    name: options.DeploymentName,
    namespace: options.Namespace = "default",
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Do nothing for a deployment until `airunway resume`.

    What runs goes on running; changes of the spec wait, and nothing that is changed by hand is repaired. A
    deletion goes on all the same.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import PAUSE

    asyncio.run(
        run_command(PAUSE, namespace=namespace, name=name, reason=reason, form=form, kubeconfig=kubeconfig)
    )
