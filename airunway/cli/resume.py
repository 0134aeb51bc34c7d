"""`airunway resume`: look after a deployment again."""

from __future__ import annotations

import asyncio

from airunway.cli import options
from airunway.cli.output import OutputFormat


def resume(
    name: options.DeploymentName,
    namespace: options.Namespace = "default",
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Look after a deployment again that `airunway pause` left alone.

    What was changed meanwhile is done now. A pause by the annotation `airunway.ai/reconcile-paused` ends when
    that is removed.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import RESUME

    asyncio.run(
        run_command(RESUME, namespace=namespace, name=name, reason=reason, form=form, kubeconfig=kubeconfig)
    )
