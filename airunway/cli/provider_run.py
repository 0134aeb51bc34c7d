"""Install, upgrade, uninstall, repair: plan it, show it, ask for it, and follow it to its end."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, TimeoutError
from temporalio.service import RPCError, RPCStatusCode

from airunway.activities.installation.requests import has_installer
from airunway.api import names
from airunway.cli.cluster import settings_for
from airunway.cli.output import Format, data, note
from airunway.cli.problems import CliError
from airunway.cli.provider_follow import follow
from airunway.cli.provider_values import forget, keep
from airunway.cli.temporal import temporal_client, workflow_link
from airunway.clients.kubernetes import Cluster
from airunway.installation.guards import listed
from airunway.messages.installation import (
    InstallationRequest,
    Operation,
    PreflightAnswer,
    PreflightRequest,
)
from airunway.messages.installation_workflow import InstallationInput, InstallationOutcome, InstallationView
from airunway.workers.settings import Settings
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import PATIENCE, ProviderPlanWorkflow

NO_INSTALLER = (
    "no installer listens on the task queue "
    f"{names.INSTALLER_TASK_QUEUE}; run `airunway worker --installer`, or apply deploy/installer"
)
PLANNING = PATIENCE + timedelta(minutes=1)
NO_ANSWER = (
    f"no worker answered within {PLANNING.total_seconds():.0f} s on the task queue "
    f"{names.CORE_TASK_QUEUE}; is `airunway worker` running?"
)


@dataclass(frozen=True, kw_only=True)
class OperationOptions:
    """What a person wants."""

    operation: str
    provider: str
    dry_run: bool = False
    detach: bool = False
    delete_crds: bool = False
    yes: bool = False
    form: Format = Format.TABLE


async def run(
    options: OperationOptions,
    *,
    values: Mapping[str, Any] | None = None,
    kubeconfig: Path | None = None,
) -> None:
    """Do it. `values` None: those of earlier runs; empty: none. Raises CliError when it fails."""
    settings = settings_for(kubeconfig)
    client = await temporal_client(settings)
    if not await has_installer(client):
        raise CliError(NO_INSTALLER)
    request = InstallationRequest(
        provider=options.provider,
        operation=Operation(options.operation),
        id=uuid.uuid4().hex[:12],
        delete_crds=options.delete_crds,
        requested_by="airunway providers",
    )
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        if request.operation is not Operation.REPAIR:
            found = await _plan(client, cluster, settings, request, values)
            if options.dry_run:
                _show_plan(found, options)
                return
            if _is_nothing(found, request):
                _show_nothing(found, options)
                return
            _confirm(found, options, request)
        if values is not None:
            request.values_version = await keep(
                cluster, names.values_secret(options.provider), values, namespace=settings.pod_namespace
            )
    await _do(client, settings, request, options)


async def send(signal: str, provider: str, kubeconfig: Path | None) -> None:
    """Send `retry` or `cancel` to a provider's installation."""
    client = await temporal_client(settings_for(kubeconfig))
    workflow_id = names.installation_workflow_id(provider)
    try:
        await client.get_workflow_handle(workflow_id).signal(signal)
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            raise CliError(f"nothing is being done to provider {provider} ({workflow_id})") from err
        raise
    print(f"{signal} sent to {workflow_id}")


# -- the plan ------------------------------------------------------------------------------------------


async def _plan(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    request: InstallationRequest,
    values: Mapping[str, Any] | None,
) -> PreflightAnswer:
    planned = request.model_copy()
    proposed = ""
    if values:
        # Not yet in the place of the kept ones: nothing is decided before it was shown.
        proposed = f"{names.values_secret(request.provider)}-{request.id}"
        await keep(cluster, proposed, values, namespace=settings.pod_namespace)
        planned.values_secret = proposed
    elif values is not None:
        planned.without_values = True
    try:
        return await client.execute_workflow(
            ProviderPlanWorkflow.run,
            PreflightRequest(request=planned, with_diff=True),
            id=f"{names.installation_workflow_id(request.provider)}/plan/{request.id}",
            task_queue=names.CORE_TASK_QUEUE,
            static_summary=f"plan {request.operation.value} of provider {request.provider}",
            execution_timeout=PLANNING,
        )
    except WorkflowFailureError as err:
        if isinstance(err.cause, TimeoutError):
            raise CliError(NO_ANSWER) from err
        raise CliError(_innermost(err)) from err
    finally:
        if proposed:
            await forget(cluster, proposed, namespace=settings.pod_namespace)


def _is_nothing(found: PreflightAnswer, request: InstallationRequest) -> bool:
    idle = all(chart.is_left_alone for chart in found.charts)
    if request.operation is Operation.UNINSTALL:
        return idle and not request.delete_crds
    return idle and found.installed


def _show_nothing(found: PreflightAnswer, options: OperationOptions) -> None:
    if options.form is not Format.TABLE:
        data({"success": True, "message": found.message, "results": []}, options.form)
        return
    words = "nothing to uninstall" if options.operation == "uninstall" else "nothing to do"
    print(f"{options.provider}: {words}: {found.message}")
    _show_warnings(found)


def _show_plan(found: PreflightAnswer, options: OperationOptions) -> None:
    if options.form is not Format.TABLE:
        data(found.model_dump(mode="json"), options.form)
        return
    print(f"{options.provider}: {found.state}: {found.message}")
    for chart in found.charts:
        was = f" (now {chart.installed_version}, {chart.status})" if chart.status else ""
        why = f": {chart.reason}" if chart.reason else ""
        print(f"  {chart.action.value:9} {chart.key}  {chart.title}{was}{why}")
    if found.used:
        print(f"used by ModelDeployments, so it would be refused: {', '.join(found.used)}")
    _show_lost(found, options)
    _show_warnings(found)
    for line in found.diff:
        print(line)
    if options.operation in ("install", "upgrade"):
        print("by hand:")
        for command in found.commands:
            print(f"  {command}")


def _show_warnings(found: PreflightAnswer) -> None:
    for warning in found.warnings:
        note(f"warning: {warning}")


def _show_lost(found: PreflightAnswer, options: OperationOptions) -> None:
    if found.deleted_with_it:
        kept = "these stay, though Helm alone would delete them with the release:"
        print("these would be deleted as well:" if options.delete_crds else kept)
        for entry in found.deleted_with_it:
            print(f"  {entry}")


def _confirm(found: PreflightAnswer, options: OperationOptions, request: InstallationRequest) -> None:
    """Show what changes something that runs, and ask. Raises CliError when the answer is no."""
    changes = any(chart.status for chart in found.charts) or request.operation is Operation.UNINSTALL
    if request.operation is Operation.UNINSTALL and found.used:
        raise CliError(
            f"ModelDeployments use provider {options.provider}: {listed(found.used)}; delete them first"
        )
    if not changes or options.yes:
        return
    table = options.form is Format.TABLE
    if table:
        _show_plan(found, options)
    if not table or not sys.stdin.isatty():
        raise CliError("this changes what runs: give --yes")
    if input(f"{options.operation} {options.provider}? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CliError("nothing was done")


# -- doing it ------------------------------------------------------------------------------------------


async def _do(
    client: Client, settings: Settings, request: InstallationRequest, options: OperationOptions
) -> None:
    workflow_id = names.installation_workflow_id(request.provider)
    handle = await client.start_workflow(
        ProviderInstallationWorkflow.run,
        InstallationInput(provider=request.provider),
        id=workflow_id,
        task_queue=names.CORE_TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="request",
        start_signal_args=[request],
        static_summary=f"installation of provider {request.provider}",
    )
    if options.detach:
        words = f"{request.operation.value} of {request.provider} asked for: {workflow_id}"
        if options.form is Format.TABLE:
            print(words)
        else:
            data({"success": True, "message": words, "results": []}, options.form)
        note(f"follow it: {workflow_link(settings, workflow_id)}")
        return
    view, outcome = await follow(client, handle, request.id, quiet=options.form is not Format.TABLE)
    _finish(view, outcome, options)


def _finish(view: InstallationView, outcome: InstallationOutcome, options: OperationOptions) -> None:
    if options.form is not Format.TABLE:
        results = [step.model_dump() for step in view.steps]
        data({"success": outcome.succeeded, "message": outcome.message, "results": results}, options.form)
        if not outcome.succeeded:
            sys.exit(1)
        return
    if outcome.succeeded:
        print(f"{options.provider}: {outcome.message}")
        return
    hint = ""
    if outcome.waits_for_retry:
        hint = (
            f"; try again: airunway providers retry {options.provider}, give up: airunway providers cancel "
            f"{options.provider}"
        )
    raise CliError(f"{options.operation} of {options.provider} failed: {outcome.message}{hint}")


def _innermost(err: BaseException) -> str:
    while err.__cause__ is not None:
        err = err.__cause__
    return err.message if isinstance(err, ApplicationError) else str(err)
