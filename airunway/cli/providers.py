"""`airunway providers`: which there are, what each offers, and the installation of their operators.

The shared prerequisites go by the same commands, under their reserved names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.options import OperationOptions
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async

providers = typer.Typer(
    help="Show providers, and install, upgrade or uninstall their upstream operators. The shared "
    "prerequisites gpu-operator and gateway-crds are installed and upgraded in the same way.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="A chart value over the provider's own; again for more. Kept for later runs, in a Secret.",
    ),
]
Values = Annotated[
    Path | None, typer.Option("--values", "-f", help="YAML file with such values.", show_default=False)
]
ResetValues = Annotated[bool, typer.Option("--reset-values", help="Forget the values of earlier runs.")]
Detach = Annotated[bool, typer.Option("--detach", help="Ask for it, and do not wait.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before something that runs is changed.")]


@providers.command("list")
def list_providers(
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """List the providers: registered, ready, operator installed; and the shared prerequisites."""
    from airunway.cli.provider_report import report_all

    run_async(report_all(form=form, where=Where(kubeconfig, context)))


@providers.command()
def show(
    name: options.ProviderName,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Show one provider, or shared prerequisite: its state, what it offers, and how it is installed."""
    from airunway.cli.provider_report import report_one

    run_async(report_one(name, form=form, where=Where(kubeconfig, context)))


@providers.command()
def install(
    name: options.ProviderName,
    dry_run: DryRun = False,
    set_values: Set = None,
    values: Values = None,
    reset_values: ResetValues = False,
    detach: Detach = False,
    yes: Yes = False,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Install a provider's operator, as its package or an administrator says, or a shared prerequisite.

    Nothing is done when it is installed already. One that somebody else installed is used as it is.
    """
    chosen = OperationOptions(
        operation="install", provider=name, dry_run=dry_run, detach=detach, yes=yes, form=form
    )
    _run(chosen, set_values or [], values, reset_values=reset_values, where=Where(kubeconfig, context))


@providers.command()
def upgrade(
    name: options.ProviderName,
    dry_run: DryRun = False,
    set_values: Set = None,
    values: Values = None,
    reset_values: ResetValues = False,
    detach: Detach = False,
    yes: Yes = False,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Upgrade an installed operator; what would change is shown first.

    An upgrade that fails goes back to what ran before.
    """
    chosen = OperationOptions(
        operation="upgrade", provider=name, dry_run=dry_run, detach=detach, yes=yes, form=form
    )
    _run(chosen, set_values or [], values, reset_values=reset_values, where=Where(kubeconfig, context))


@providers.command()
def uninstall(
    name: options.ProviderName,
    dry_run: DryRun = False,
    delete_crds: Annotated[
        bool, typer.Option("--delete-crds", help="Delete the CRDs too; refused while there are resources.")
    ] = False,
    detach: Detach = False,
    yes: Yes = False,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Uninstall a provider's operator. Refused while ModelDeployments use the provider; CRDs stay.

    The shared prerequisites are never uninstalled from here.
    """
    from airunway.cli.provider_run import run

    chosen = OperationOptions(
        operation="uninstall",
        provider=name,
        dry_run=dry_run,
        delete_crds=delete_crds,
        detach=detach,
        yes=yes,
        form=form,
    )
    run_async(run(chosen, where=Where(kubeconfig, context)))


@providers.command()
def repair(
    name: options.ProviderName,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Repair a release that an interrupted Helm left half-way. Nothing is taken away."""
    from airunway.cli.provider_run import run

    chosen = OperationOptions(operation="repair", provider=name, yes=True, form=form)
    run_async(run(chosen, where=Where(kubeconfig, context)))


@providers.command("retry")
def retry_installation(
    name: options.ProviderName,
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Leave what is tried, or has failed, in an installation and begin it again."""
    from airunway.cli.provider_run import command

    run_async(command("retry", name, reason=reason, form=form, where=Where(kubeconfig, context)))


@providers.command("cancel")
def cancel_installation(
    name: options.ProviderName,
    reason: options.Reason = "",
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Stop what is being done to a provider. A release that is half-way is repaired."""
    from airunway.cli.provider_run import command

    run_async(command("cancel", name, reason=reason, form=form, where=Where(kubeconfig, context)))


def _run(
    chosen: OperationOptions,
    assignments: list[str],
    values: Path | None,
    *,
    reset_values: bool,
    where: Where,
) -> None:
    if reset_values and (assignments or values):
        raise typer.BadParameter("--reset-values goes with neither --set nor --values")
    from airunway.cli.provider_run import run
    from airunway.cli.provider_values import given_values

    given = {} if reset_values else given_values(assignments, values)
    run_async(run(chosen, values=given, where=where))
