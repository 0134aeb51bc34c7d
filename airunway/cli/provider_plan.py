"""The plan of an operation on a provider: asked of a workflow, and shown before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio.client import Client

from airunway.api import names
from airunway.cli.options import OperationOptions
from airunway.cli.output import data, line, note
from airunway.cli.provider_values import forget, keep
from airunway.clients.kubernetes import Cluster
from airunway.console.rows import provider_resource
from airunway.messages.installation import InstallationRequest, Operation, PreflightAnswer
from airunway.operations.installations import plan_installation
from airunway.workers.settings import Settings


async def plan_operation(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    request: InstallationRequest,
    values: Mapping[str, Any] | None,
) -> PreflightAnswer:
    """What a request would do. `values`: as for `provider_run.run`. Raises OperationError."""
    planned = request.model_copy()
    proposed = ""
    if values:
        # Not yet in the place of the kept ones: nothing is decided before it was shown.
        proposed = f"{names.values_secret(request.provider)}-{request.id}"
        await keep(cluster, proposed, values, namespace=settings.installer_namespace)
        planned.values_secret = proposed
    elif values is not None:
        planned.without_values = True
    try:
        return await plan_installation(client, settings.cluster, planned)
    finally:
        if proposed:
            await forget(cluster, proposed, namespace=settings.installer_namespace)


def is_nothing(preflight: PreflightAnswer, request: InstallationRequest) -> bool:
    """Whether there is nothing to do."""
    idle = all(chart.is_left_alone for chart in preflight.charts)
    if request.operation is Operation.UNINSTALL:
        return idle and not request.delete_crds
    return idle and preflight.installed


def show_nothing(preflight: PreflightAnswer, options: OperationOptions) -> None:
    """Say that there is nothing to do."""
    if not options.form.is_table:
        said = {"success": True, "message": preflight.message, "results": []}
        data(said, options.form, names=[provider_resource(options.provider)])
        return
    words = "nothing to uninstall" if options.operation == "uninstall" else "nothing to do"
    line(f"{options.provider}: {words}: {preflight.message}")
    _show_warnings(preflight)


def show_plan(preflight: PreflightAnswer, options: OperationOptions) -> None:
    """Show what would be done, and what it would take along."""
    if not options.form.is_table:
        said = preflight.model_dump(mode="json")
        data(said, options.form, names=[provider_resource(options.provider)])
        return
    line(f"{options.provider}: {preflight.state}: {preflight.message}")
    for chart in preflight.charts:
        was = f" (now {chart.installed_version}, {chart.status})" if chart.status else ""
        why = f": {chart.reason}" if chart.reason else ""
        line(f"  {chart.action.value:9} {chart.key}  {chart.title}{was}{why}")
        if chart.digest:
            line(f"  {'':9} archive {chart.digest}")
    if preflight.used:
        line(f"used by ModelDeployments, so it would be refused: {', '.join(preflight.used)}")
    _show_lost(preflight, options)
    _show_warnings(preflight)
    for changed in preflight.diff:
        line(changed)
    if options.operation in ("install", "upgrade"):
        line("by hand:")
        for command in preflight.commands:
            line(f"  {command}")


def _show_warnings(preflight: PreflightAnswer) -> None:
    for warning in preflight.warnings:
        note(f"warning: {warning}")


def _show_lost(preflight: PreflightAnswer, options: OperationOptions) -> None:
    if preflight.deleted_with_it:
        kept = "these stay, though Helm alone would delete them with the release:"
        line("these would be deleted as well:" if options.delete_crds else kept)
        for entry in preflight.deleted_with_it:
            line(f"  {entry}")
