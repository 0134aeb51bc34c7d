"""Operations of the installer as callers ask for them: who may, the request, its end, what is under way.

Providers and shared prerequisites alike. Whoever may patch the InferenceProviderConfig of a name may have
installed what bears it: this process itself has no right to install anything.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from starlette.responses import Response
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from airunway.messages.installation import InstallationRequest, Operation
from airunway.messages.installation_workflow import InstallationOutcome, InstallationView
from airunway.operations.errors import NotDelivered
from airunway.operations.installations import installation_view, request_installation, require_installer
from airunway.web.access import on_config
from airunway.web.errors import error_answer
from airunway.web.identity import Caller
from airunway.web.state import WebState
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow

POLL_SECONDS = 0.3
LIMIT_SECONDS = 580.0
"""Below the 600 s that clients wait: then the answer says that it goes on."""
VIEW_SECONDS = 5.0
STATUSES = {
    "HelmForbidden": 403,
    "MissingRights": 403,
    "Forbidden": 403,
    "ForeignOperator": 409,
    "OwnershipClash": 409,
    "OwnershipConflict": 409,
    "Conflict": 409,
}
"""HTTP status by the type of what failed; 500 for any other."""


async def installing_client(state: WebState, caller: Caller, name: str) -> Client:
    """Temporal, for a caller who may have it installed. Raises WebError (403), NotDelivered."""
    await state.rights.require(caller, on_config("patch", name))
    client = await state.temporal()
    await require_installer(client, state.settings.cluster)
    return client


def request_of(
    caller: Caller, name: str, operation: Operation, *, delete_crds: bool = False
) -> InstallationRequest:
    """A request in the caller's name."""
    return InstallationRequest(
        provider=name,
        operation=operation,
        id=uuid.uuid4().hex[:12],
        delete_crds=delete_crds,
        requested_by=caller.user,
    )


async def carried_out(
    state: WebState, client: Client, request: InstallationRequest
) -> tuple[InstallationView, InstallationOutcome] | None:
    """The last view and the outcome of a request; None: it goes on. Raises NotDelivered."""
    handle = await request_installation(client, state.settings.cluster, request)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await _followed(handle, request.id)
    except TimeoutError:
        return None
    finally:
        state.standings.look_again(request.provider)


def failed_answer(
    name: str, request: InstallationRequest, outcome: InstallationOutcome, results: Any
) -> Response:
    """An error for what failed. `name`: what it is called for a person; `results`: its steps."""
    words = f"{request.operation.value} of {name} failed: {outcome.message}"
    return error_answer(STATUSES.get(outcome.kind, 500), words, reason=outcome.kind, results=results)


async def progress_of(state: WebState, name: str) -> dict[str, Any]:
    """What is being done about one of them now; nothing while nobody can say."""
    try:
        client = await state.temporal()
    except NotDelivered:
        return {}
    view = await installation_view(client, state.settings.cluster, name, patience=VIEW_SECONDS)
    if view is None:
        return {}
    return {
        "step": view.step or None,
        "progress": {
            "stage": view.stage.value,
            "operation": view.request.operation.value if view.request else None,
            "results": [step.model_dump() for step in view.steps],
            "lines": view.lines[-20:],
            "message": view.message,
        },
    }


async def _followed(
    handle: WorkflowHandle[Any, Any], request_id: str
) -> tuple[InstallationView, InstallationOutcome]:
    """The last view and the outcome of a request. Raises NotDelivered."""
    while True:
        # Before the view: what a workflow says after its end is all that it will ever say.
        now = await handle.describe()
        try:
            view = await handle.query(ProviderInstallationWorkflow.state)
        except RPCError as err:
            if err.status in (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.DEADLINE_EXCEEDED):
                raise NotDelivered(
                    f"no worker answers for workflow {handle.id}; it goes on when one does"
                ) from err
            raise
        outcome = view.outcomes.get(request_id)
        if outcome is not None:
            return view, outcome
        if now.status is not WorkflowExecutionStatus.RUNNING:
            raise NotDelivered(
                f"workflow {handle.id} has ended without saying what became of this; ask again"
            )
        await asyncio.sleep(POLL_SECONDS)
