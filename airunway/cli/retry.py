"""`airunway retry`: ask a deployment's workflow to try again what failed."""

from __future__ import annotations

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def retry(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Try the failed step of a deployment again.

    Without changing its spec. A failed or cancelled build of its model's image begins again, and uses what
    the builder still has. Refused when nothing failed.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import RETRY

    where = Where(kubeconfig, context)
    run_async(run_command(RETRY, namespace=namespace, name=name, reason=reason, form=form, where=where))
