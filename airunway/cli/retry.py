"""`airunway retry`: ask a deployment's workflow to try again what failed."""

from __future__ import annotations

import asyncio

from airunway.cli import options
from airunway.cli.output import OutputFormat


def retry(
    name: options.DeploymentName,
    namespace: options.Namespace = "default",
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Try the failed step of a deployment again.

    Without changing its spec. A failed or cancelled build of its model's image begins again, and uses what
    the builder still has. Refused when nothing failed.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import RETRY

    asyncio.run(
        run_command(RETRY, namespace=namespace, name=name, reason=reason, form=form, kubeconfig=kubeconfig)
    )
