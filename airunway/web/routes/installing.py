"""Installing providers (web-api.md §3.3): each is a workflow, of which the answer tells the steps.

Whoever may patch an InferenceProviderConfig may have its operator installed: this process itself has no right
to install anything.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response
from temporalio.service import RPCError

from airunway.console.provider_metadata import metadata_of
from airunway.installation.commands import ShownStep, steps_of
from airunway.installation.metadata import ProviderMetadata
from airunway.installation.plan import BadPlan, plan_of
from airunway.messages.installation import InstallationRequest, Operation
from airunway.messages.installation_workflow import InstallationOutcome, InstallationView
from airunway.operations.errors import NotDelivered
from airunway.operations.installations import plan_installation, require_installer
from airunway.web.answers import JsonAnswer
from airunway.web.derive.providers import installation_status, shown_commands
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.installations import (
    carried_out,
    failed_answer,
    installing_client,
    progress_of,
    request_of,
)
from airunway.web.routes.common import Name
from airunway.web.shapes.providers import CommandsShape, HelmShape, InstallationShape, InstallResultShape
from airunway.web.state import SignedIn, State, WebState
from airunway.workers.version import installed_version

router = APIRouter(prefix="/api/installation", tags=["installing"])


@router.get("/helm/status")
@answers(HelmShape)
async def helm_status(state: State) -> Response:
    """Whether anything can be installed: an installer listens. Helm is a library of its."""
    try:
        client = await state.temporal()
        await require_installer(client, state.settings.cluster)
    except (NotDelivered, RPCError) as err:
        return JsonAnswer({"available": False, "error": str(err)})
    return JsonAnswer(
        {"available": True, "version": f"built into AI Runway's installer {installed_version()}"}
    )


@router.get("/providers/{provider}/status")
@answers(InstallationShape)
async def provider_status(state: State, provider: Name) -> Response:
    """How a provider's operator stands, and what is being done about it."""
    metadata, seen = await state.standings.of(state.standings.config(provider))
    commands = [step.command for step in _steps(metadata)]
    shown = installation_status(metadata, seen, commands)
    return JsonAnswer({**shown, **await progress_of(state, provider)})


@router.get("/providers/{provider}/commands")
@answers(CommandsShape)
async def provider_commands(state: State, provider: Name) -> Response:
    """The same by hand."""
    metadata = metadata_of(state.standings.config(provider))
    return JsonAnswer(shown_commands(metadata, _steps(metadata)))


@router.post("/providers/{provider}/install")
@answers(InstallResultShape, s202=InstallResultShape)
async def install(state: State, caller: SignedIn, provider: Name) -> Response:
    """Have it installed, and wait for the end."""
    metadata = metadata_of(state.standings.config(provider))
    if not metadata.requires_crd:
        raise WebError(400, f"Provider {metadata.name} needs no operator: there is nothing to install")
    if not metadata.installable:
        raise WebError(400, f"Provider {metadata.name} has no charts: it is installed by hand")
    return await _operate(state, caller, metadata, Operation.INSTALL)


@router.post("/providers/{provider}/upgrade")
@answers(InstallResultShape, s202=InstallResultShape)
async def upgrade(state: State, caller: SignedIn, provider: Name) -> Response:
    """Have it upgraded; both of the reference's clients declare this, and its backend lacks it."""
    metadata = metadata_of(state.standings.config(provider))
    if not metadata.installable:
        raise WebError(400, f"Provider {metadata.name} has no operator that could be upgraded")
    return await _operate(state, caller, metadata, Operation.UPGRADE)


@router.post("/providers/{provider}/uninstall")
@answers(InstallResultShape, s202=InstallResultShape)
async def uninstall(state: State, caller: SignedIn, provider: Name) -> Response:
    """Have it uninstalled; its CRDs stay."""
    metadata = metadata_of(state.standings.config(provider))
    if not metadata.installable:
        raise WebError(400, f"Provider {metadata.name} has no operator that could be uninstalled")
    return await _operate(state, caller, metadata, Operation.UNINSTALL)


@router.post("/providers/{provider}/uninstall-crds")
@answers(InstallResultShape, s202=InstallResultShape)
async def uninstall_crds(state: State, caller: SignedIn, provider: Name) -> Response:
    """Have it uninstalled with its CRDs; refused while there are objects of theirs.

    The reference deletes the provider's registration instead, and leaves the CRDs.
    """
    metadata = metadata_of(state.standings.config(provider))
    if not metadata.installable:
        raise WebError(400, f"Provider {metadata.name} has no CRDs of its own")
    return await _operate(state, caller, metadata, Operation.UNINSTALL, delete_crds=True)


async def _operate(
    state: WebState,
    caller: Caller,
    metadata: ProviderMetadata,
    operation: Operation,
    *,
    delete_crds: bool = False,
) -> Response:
    """Ask the installation's workflow, and answer as the reference does when it is done."""
    client = await installing_client(state, caller, metadata.id)
    request = request_of(caller, metadata.id, operation, delete_crds=delete_crds)
    if operation is Operation.UNINSTALL:
        planned = await plan_installation(client, state.settings.cluster, request)
        if planned.used:
            return _uninstall_refused(metadata, planned.used)
    done = await carried_out(state, client, request)
    if done is None:
        words = f"{operation.value} goes on: ask /api/installation/providers/{metadata.id}/status"
        return JsonAnswer({"success": False, "message": words, "results": [], "reason": "StillRunning"}, 202)
    return _answer(metadata, request, *done)


def _uninstall_refused(metadata: ProviderMetadata, used: list[str]) -> Response:
    words = f"ModelDeployments use provider {metadata.id}: {', '.join(used[:20])}; delete them first"
    return JsonAnswer({"success": False, "message": words, "results": [], "reason": "InUse"})


def _answer(
    metadata: ProviderMetadata,
    request: InstallationRequest,
    view: InstallationView,
    outcome: InstallationOutcome,
) -> Response:
    operation = request.operation
    results = [step.model_dump() for step in view.steps]
    done = {Operation.INSTALL: "installed", Operation.UPGRADE: "upgraded"}.get(operation, "uninstalled")
    if outcome.succeeded:
        already = None if outcome.changed else True
        words = f"{metadata.name} {done} successfully" if outcome.changed else outcome.message
        return JsonAnswer(
            {"success": True, "message": words, "results": results, "alreadyInstalled": already}
        )
    if operation is Operation.UNINSTALL:
        words = f"{operation.value} of {metadata.name} failed: {outcome.message}"
        return JsonAnswer(
            {"success": False, "message": words, "results": results, "reason": outcome.kind or None}
        )
    return failed_answer(metadata.name, request, outcome, results=results)


def _steps(metadata: ProviderMetadata) -> list[ShownStep]:
    try:
        return steps_of(plan_of(metadata))
    except BadPlan:
        return []
