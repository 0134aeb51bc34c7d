"""Install, upgrade, uninstall, repair: plan it, show it, ask for it, and follow it to its end."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError

from airunway.api import names
from airunway.cli.cluster import named_settings
from airunway.cli.formats import OutputFormat
from airunway.cli.options import OperationOptions
from airunway.cli.output import answer_to, data, line, note
from airunway.cli.placing import ANYWHERE, Where
from airunway.cli.problems import CliError
from airunway.cli.provider_follow import follow
from airunway.cli.provider_plan import is_nothing, plan_operation, show_nothing, show_plan
from airunway.cli.provider_values import keep
from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import Cluster
from airunway.console.links import workflow_link
from airunway.console.rows import provider_resource
from airunway.console.temporal_errors import is_missing
from airunway.installation.guards import listed
from airunway.messages.commands import Asked
from airunway.messages.installation import InstallationRequest, Operation, PreflightAnswer
from airunway.messages.installation_workflow import InstallationOutcome, InstallationView
from airunway.operations.installations import request_installation, require_installer
from airunway.operations.updates import ask
from airunway.workers.settings import Settings
from airunway.workers.temporal.identity import person_identity
from airunway.workers.temporal.target import target_of


async def run(
    options: OperationOptions,
    *,
    values: Mapping[str, Any] | None = None,
    where: Where = ANYWHERE,
) -> None:
    """Do it. `values` None: those of earlier runs; empty: none.

    Raises CliError or OperationError when it fails.
    """
    settings = await named_settings(where)
    client = await temporal_client(settings)
    await require_installer(client, settings.cluster)
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


async def command(name: str, provider: str, *, reason: str, form: OutputFormat, where: Where) -> None:
    """`retry` or `cancel` of a provider's installation. Raises CliError: refused, or nobody answers."""
    settings = await named_settings(where)
    client = await temporal_client(settings)
    workflow_id = names.installation_workflow_id(settings.cluster, provider)
    asked = Asked(by=person_identity(), reason=reason)
    try:
        answer = await ask(client, workflow_id, name, asked, about=f"provider {provider}")
    except RPCError as err:
        if is_missing(err):
            raise CliError(f"nothing is being done to provider {provider} ({workflow_id})") from err
        raise
    if form.is_table:
        line(f"{provider}: {answer.message}")
    else:
        said = {"provider": provider, "command": name, "message": answer.message}
        data(said, form, names=[provider_resource(provider)])


def _confirm(preflight: PreflightAnswer, options: OperationOptions, request: InstallationRequest) -> None:
    """Show what changes something that runs, and ask. Raises CliError when the answer is no."""
    changes = any(chart.status for chart in preflight.charts) or request.operation is Operation.UNINSTALL
    if request.operation is Operation.UNINSTALL and preflight.used:
        raise CliError(
            f"ModelDeployments use provider {options.provider}: {listed(preflight.used)}; delete them first"
        )
    if not changes or options.yes:
        return
    table = options.form.is_table
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
    handle = await request_installation(client, settings.cluster, request)
    if options.detach:
        words = f"{request.operation.value} of {request.provider} asked for: {workflow_id}"
        if options.form.is_table:
            line(words)
        else:
            said = {"success": True, "message": words, "results": []}
            data(said, options.form, names=[provider_resource(options.provider)])
        note(f"follow it: {workflow_link(target_of(settings), workflow_id)}")
        return
    view, outcome = await follow(client, handle, request.id, quiet=not options.form.is_table)
    _finish(view, outcome, options)


def _finish(view: InstallationView, outcome: InstallationOutcome, options: OperationOptions) -> None:
    if not options.form.is_table:
        results = [step.model_dump() for step in view.steps]
        said = {"success": outcome.succeeded, "message": outcome.message, "results": results}
        data(said, options.form, names=[provider_resource(options.provider)])
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
