"""What pages do about operations of the installer, on providers and shared prerequisites alike."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response
from temporalio.service import RPCError

from airunway.api.names import installation_workflow_id
from airunway.messages.commands import Asked
from airunway.messages.installation import Operation
from airunway.messages.installation_workflow import CANCEL, RETRY, InstallationView
from airunway.operations.errors import OperationError
from airunway.operations.installations import (
    installation_view,
    plan_installation,
    request_installation,
    require_installer,
)
from airunway.operations.updates import ask
from airunway.web.access import on_config
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.installations import installing_client, request_of
from airunway.web.pages.provider_views import is_working, last_outcome, refused_because
from airunway.web.pages.rendering import answer, link_to_workflow, page
from airunway.web.state import WebState

VIEW_SECONDS = 2.0
MAX_REASON = 500
LABELS = {Operation.INSTALL: "Install", Operation.UPGRADE: "Upgrade", Operation.UNINSTALL: "Uninstall"}


async def plan_page(
    request: Request, state: WebState, caller: Caller, operation: Operation, *, of: str, name: str, base: str
) -> Response:
    """What an operation would do; nothing is done yet. `of`: the id; `name`: for a person."""
    label = _label(operation)
    client = await installing_client(state, caller, of)
    asked = request_of(caller, of, operation)
    found = await plan_installation(client, state.settings.cluster, asked)
    return page(
        request,
        "operation.html",
        caller,
        name=name,
        base=base,
        operation=operation.value,
        label=label,
        plan=found,
        refusal=refused_because(found, operation),
    )


async def have_it_done(state: WebState, caller: Caller, operation: Operation, *, of: str) -> None:
    """Ask its workflow. Raises WebError, OperationError."""
    _label(operation)
    client = await installing_client(state, caller, of)
    await request_installation(client, state.settings.cluster, request_of(caller, of, operation))


async def tell_workflow(
    request: Request, state: WebState, caller: Caller, command: str, reason: str, *, of: str, base: str
) -> Response:
    """Try a failed operation again, or give it up: what its workflow answers."""
    if command not in (RETRY, CANCEL):
        raise WebError(404, f"there is no command {command!r}")
    await state.rights.require(caller, on_config("patch", of))
    workflow_id = installation_workflow_id(state.settings.cluster, of)
    asked = Asked(by=caller.user, reason=reason[:MAX_REASON])
    try:
        done = await ask(await state.temporal(), workflow_id, command, asked, about=of)
    except RPCError:
        raise WebError(409, f"nothing is being done to {of}") from None
    return answer(request, caller, title=of, message=done.message, back=base)


async def work_of(state: WebState, of: str) -> dict[str, Any]:
    """What a template wants to know of what is, or was, being done: see `_work.html`."""
    view = await _view(state, of)
    return {
        "view": view,
        "is_working": is_working(view),
        "outcome": last_outcome(view),
        "link": link_to_workflow(state, installation_workflow_id(state.settings.cluster, of)),
    }


async def obstacle(state: WebState) -> str:
    """Why nobody could carry out an operation now; empty: somebody listens."""
    try:
        await require_installer(await state.temporal(), state.settings.cluster)
    except OperationError as err:
        return str(err)
    return ""


def _label(operation: Operation) -> str:
    if operation not in LABELS:
        raise WebError(404, f"there is no operation {operation.value!r}")
    return LABELS[operation]


async def _view(state: WebState, of: str) -> InstallationView | None:
    try:
        client = await state.temporal()
    except OperationError:
        return None
    return await installation_view(client, state.settings.cluster, of, patience=VIEW_SECONDS)
