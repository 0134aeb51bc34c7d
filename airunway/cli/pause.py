"""`airunway pause`: leave a deployment alone."""

from __future__ import annotations

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def pause(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Do nothing for a deployment until `airunway resume`.

    What runs goes on running; changes of the spec wait, and nothing that is changed by hand is repaired. A
    deletion goes on all the same.
    """
    from airunway.cli.commands import run_command
    from airunway.messages.commands import PAUSE

    where = Where(kubeconfig, context)
    run_async(run_command(PAUSE, namespace=namespace, name=name, reason=reason, form=form, where=where))
