"""Install, upgrade, uninstall, repair: plan it, show it, ask for it, and follow it to its end."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from airunway.activities.installation.requests import has_installer
from airunway.api import names
from airunway.cli.cluster import named_settings
from airunway.cli.options import OperationOptions
from airunway.cli.output import OutputFormat, answer_to, data, line, note
from airunway.cli.problems import CliError
from airunway.cli.provider_follow import follow
from airunway.cli.provider_plan import is_nothing, plan_operation, show_nothing, show_plan
from airunway.cli.provider_values import keep
from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import Cluster
from airunway.console.links import workflow_link
from airunway.console.temporal_errors import is_missing
from airunway.installation.guards import listed
from airunway.messages.commands import Asked
from airunway.messages.installation import InstallationRequest, Operation, PreflightAnswer
from airunway.messages.installation_workflow import (
    REQUEST_INSTALLATION,
    InstallationInput,
    InstallationOutcome,
    InstallationView,
)
from airunway.operations.updates import ask
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import person_identity
from airunway.workers.temporal.target import target_of
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow

NO_INSTALLER = (
    "no installer of this cluster listens; run `airunway worker --installer`, or apply deploy/installer"
)


async def run(
    options: OperationOptions,
    *,
    values: Mapping[str, Any] | None = None,
    kubeconfig: Path | None = None,
) -> None:
    """Do it. `values` None: those of earlier runs; empty: none. Raises CliError when it fails."""
    settings = await named_settings(kubeconfig)
    client = await temporal_client(settings)
    if not await has_installer(client, settings.cluster):
        raise CliError(NO_INSTALLER)
    request = InstallationRequest(
        provider=options.provider,
        operation=Operation(options.operation),
        id=uuid.uuid4().hex[:12],
        delete_crds=options.delete_crds,
        requested_by=person_identity(),
    )
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        if request.operation is not Operation.REPAIR:
            preflight = await plan_operation(client, cluster, settings, request, values)
            if options.dry_run:
                show_plan(preflight, options)
                return
            if is_nothing(preflight, request):
                show_nothing(preflight, options)
                return
            _confirm(preflight, options, request)
        if values is not None:
            request.values_version = await keep(
                cluster, names.values_secret(options.provider), values, namespace=settings.installer_namespace
            )
    await _do(client, settings, request, options)


async def command(
    name: str, provider: str, *, reason: str, form: OutputFormat, kubeconfig: Path | None
) -> None:
    """`retry` or `cancel` of a provider's installation. Raises CliError: refused, or nobody answers."""
    settings = await named_settings(kubeconfig)
    client = await temporal_client(settings)
    workflow_id = names.installation_workflow_id(settings.cluster, provider)
    asked = Asked(by=person_identity(), reason=reason)
    try:
        answer = await ask(client, workflow_id, name, asked, about=f"provider {provider}")
    except RPCError as err:
        if is_missing(err):
            raise CliError(f"nothing is being done to provider {provider} ({workflow_id})") from err
        raise
    if form is OutputFormat.TABLE:
        line(f"{provider}: {answer.message}")
    else:
        data({"provider": provider, "command": name, "message": answer.message}, form)


def _confirm(preflight: PreflightAnswer, options: OperationOptions, request: InstallationRequest) -> None:
    """Show what changes something that runs, and ask. Raises CliError when the answer is no."""
    changes = any(chart.status for chart in preflight.charts) or request.operation is Operation.UNINSTALL
    if request.operation is Operation.UNINSTALL and preflight.used:
        raise CliError(
            f"ModelDeployments use provider {options.provider}: {listed(preflight.used)}; delete them first"
        )
    if not changes or options.yes:
        return
    table = options.form is OutputFormat.TABLE
    if table:
        show_plan(preflight, options)
    if not table or not sys.stdin.isatty():
        raise CliError("this changes what runs: give --yes")
    if answer_to(f"{options.operation} {options.provider}? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CliError("nothing was done")


async def _do(
    client: Client, settings: Settings, request: InstallationRequest, options: OperationOptions
) -> None:
    workflow_id = names.installation_workflow_id(settings.cluster, request.provider)
    handle = await client.start_workflow(
        ProviderInstallationWorkflow.run,
        InstallationInput(provider=request.provider),
        id=workflow_id,
        task_queue=names.core_task_queue(settings.cluster),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=REQUEST_INSTALLATION,
        start_signal_args=[request],
        static_summary=f"installation of provider {request.provider}",
    )
    if options.detach:
        words = f"{request.operation.value} of {request.provider} asked for: {workflow_id}"
        if options.form is OutputFormat.TABLE:
            line(words)
        else:
            data({"success": True, "message": words, "results": []}, options.form)
        note(f"follow it: {workflow_link(target_of(settings), workflow_id)}")
        return
    view, outcome = await follow(client, handle, request.id, quiet=options.form is not OutputFormat.TABLE)
    _finish(view, outcome, options)


def _finish(view: InstallationView, outcome: InstallationOutcome, options: OperationOptions) -> None:
    if options.form is not OutputFormat.TABLE:
        results = [step.model_dump() for step in view.steps]
        data({"success": outcome.succeeded, "message": outcome.message, "results": results}, options.form)
        if not outcome.succeeded:
            sys.exit(1)
        return
    if outcome.succeeded:
        line(f"{options.provider}: {outcome.message}")
        return
    hint = ""
    if outcome.waits_for_retry:
        hint = (
            f"; try again: airunway providers retry {options.provider}, give up: airunway providers cancel "
            f"{options.provider}"
        )
    raise CliError(f"{options.operation} of {options.provider} failed: {outcome.message}{hint}")
