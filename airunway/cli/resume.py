"""`airunway resume`: look after a deployment again."""

from __future__ import annotations

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def resume(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Look after a deployment again that `airunway pause` left alone.

    What was changed meanwhile is done now. A pause by the annotation `airunway.ai/reconcile-paused` ends when
    that is removed.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import RESUME

    where = Where(kubeconfig, context)
    run_async(run_command(RESUME, namespace=namespace, name=name, reason=reason, form=form, where=where))
