"""Providers: what they can and how they are; installing, upgrading, uninstalling with the plan before."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response
from temporalio.service import RPCError

from airunway.api.heartbeat import oldest_alive
from airunway.api.names import installation_workflow_id
from airunway.clients.errors import ApiError
from airunway.messages.commands import Asked
from airunway.messages.installation import InstallationRequest, Operation
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
from airunway.web.pages.provider_views import (
    ShownProvider,
    is_working,
    last_outcome,
    operations,
    refused_because,
    shown_provider,
)
from airunway.web.pages.rendering import PageRoute, answer, link_to_workflow, page, path_to
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(route_class=PageRoute, include_in_schema=False)

VIEW_SECONDS = 2.0
MAX_REASON = 500
LABELS = {Operation.INSTALL: "Install", Operation.UPGRADE: "Upgrade", Operation.UNINSTALL: "Uninstall"}


@router.get("/providers")
async def providers(request: Request, state: State, caller: SignedIn) -> Response:
    """All of them."""
    await state.rights.require(caller, on_config("list"))
    return page(request, "providers.html", caller, providers=await _shown(state, caller))


@router.get("/providers/{name}")
async def provider(request: Request, name: str, state: State, caller: SignedIn) -> Response:
    """One of them, and what is being done to it."""
    await state.rights.require(caller, on_config("get", name))
    shown = await _one(state, caller, name)
    view = await _view(state, name)
    right = on_config("patch", name)
    is_allowed = await state.rights.may(caller, right)
    working = is_working(view)
    return page(
        request,
        "provider.html",
        caller,
        provider=shown,
        operations=operations(
            shown,
            is_installed=await _is_installed(state, name),
            is_allowed=is_allowed,
            right=right.words,
            is_working=working,
            obstacle=await _obstacle(state),
        ),
        is_allowed=is_allowed,
        view=view,
        is_working=working,
        outcome=last_outcome(view),
        link=link_to_workflow(state, installation_workflow_id(state.settings.cluster, name)),
    )


@router.get("/providers/{name}/{operation}")
async def plan(request: Request, name: str, operation: Operation, state: State, caller: SignedIn) -> Response:
    """What an operation would do; nothing is done yet."""
    await state.rights.require(caller, on_config("patch", name))
    shown = await _one(state, caller, name)
    if operation not in LABELS:
        raise WebError(404, f"there is no operation {operation.value!r}")
    client = await state.temporal()
    await require_installer(client, state.settings.cluster)
    asked = _request(name, operation, caller)
    found = await plan_installation(client, state.settings.cluster, asked)
    return page(
        request,
        "operation.html",
        caller,
        provider=shown,
        operation=operation.value,
        label=LABELS[operation],
        plan=found,
        refusal=refused_because(found, operation),
    )


@router.post("/providers/{name}/{operation}")
async def operate(
    request: Request, name: str, operation: Operation, state: State, caller: SignedIn
) -> Response:
    """Have it done by the provider's workflow, and lead to where it is followed."""
    await state.rights.require(caller, on_config("patch", name))
    await _one(state, caller, name)
    if operation not in LABELS:
        raise WebError(404, f"there is no operation {operation.value!r}")
    client = await state.temporal()
    await require_installer(client, state.settings.cluster)
    await request_installation(client, state.settings.cluster, _request(name, operation, caller))
    return RedirectResponse(path_to("providers", name), status_code=303)


@router.post("/providers/{name}/ask/{command}")
async def command(
    request: Request,
    name: str,
    command: str,
    state: State,
    caller: SignedIn,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Try a failed operation again, or give it up: what its workflow answers."""
    if command not in (RETRY, CANCEL):
        raise WebError(404, f"there is no command {command!r}")
    await state.rights.require(caller, on_config("patch", name))
    workflow_id = installation_workflow_id(state.settings.cluster, name)
    asked = Asked(by=caller.user, reason=reason[:MAX_REASON])
    try:
        done = await ask(await state.temporal(), workflow_id, command, asked, about=f"provider {name}")
    except RPCError:
        raise WebError(409, f"nothing is being done to provider {name}") from None
    return answer(request, caller, title=name, message=done.message, back=path_to("providers", name))


def _request(name: str, operation: Operation, caller: Caller) -> InstallationRequest:
    return InstallationRequest(
        provider=name, operation=operation, id=uuid.uuid4().hex[:12], requested_by=caller.user
    )


async def _shown(state: WebState, caller: Caller) -> list[ShownProvider]:
    used = await _used(state, caller)
    alive = oldest_alive(datetime.now(UTC), limit=state.settings.heartbeat_limit)
    return [
        shown_provider(config, used_by=used[name], alive_since=alive)
        for (_, name), config in sorted(state.fleet.configs.objects.items())
    ]


async def _one(state: WebState, caller: Caller, name: str) -> ShownProvider:
    config = state.fleet.config(name)
    if config is None:
        raise WebError(404, f"provider {name} is not registered: no InferenceProviderConfig is called so")
    used = await _used(state, caller)
    alive = oldest_alive(datetime.now(UTC), limit=state.settings.heartbeat_limit)
    return shown_provider(config, used_by=used[name], alive_since=alive)


async def _used(state: WebState, caller: Caller) -> Counter[str]:
    objects = await state.fleet.visible(caller)
    return Counter(
        str(((obj.get("status") or {}).get("provider") or {}).get("name") or "") for obj in objects
    )


async def _is_installed(state: WebState, name: str) -> bool | None:
    """Whether its operator is there; None: nobody can say."""
    try:
        _, seen = await state.standings.of(state.standings.config(name))
    except ApiError:
        return None
    return seen.installed or seen.operator_running


async def _obstacle(state: WebState) -> str:
    """Why nobody could carry out an operation now; empty: somebody listens."""
    try:
        await require_installer(await state.temporal(), state.settings.cluster)
    except OperationError as err:
        return str(err)
    return ""


async def _view(state: WebState, name: str) -> InstallationView | None:
    try:
        client = await state.temporal()
    except OperationError:
        return None
    return await installation_view(client, state.settings.cluster, name, patience=VIEW_SECONDS)
