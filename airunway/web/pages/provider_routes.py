"""Providers: what they can and how they are; installing, upgrading, uninstalling with the plan before."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from airunway.api.heartbeat import oldest_alive
from airunway.clients.errors import ApiError
from airunway.installation.prerequisites import PREREQUISITES
from airunway.messages.installation import Operation
from airunway.web.access import on_config
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.pages.operations import have_it_done, obstacle, plan_page, tell_workflow, work_of
from airunway.web.pages.prerequisite_views import shown_prerequisites
from airunway.web.pages.provider_views import ShownProvider, operations, shown_provider
from airunway.web.pages.rendering import PageRoute, page, path_to
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/providers")
async def providers(request: Request, state: State, caller: SignedIn) -> Response:
    """All of them, and what several of them need."""
    await state.rights.require(caller, on_config("list"))
    shown = await _shown(state, caller)
    shared = await shown_prerequisites(state.standings)
    return page(request, "providers.html", caller, providers=shown, prerequisites=shared)


@router.get("/providers/{name}")
async def provider(request: Request, name: str, state: State, caller: SignedIn) -> Response:
    """One of them, and what is being done to it."""
    await state.rights.require(caller, on_config("get", name))
    shown = await _one(state, caller, name)
    right = on_config("patch", name)
    is_allowed = await state.rights.may(caller, right)
    work = await work_of(state, name)
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
            is_working=work["is_working"],
            obstacle=await obstacle(state),
        ),
        is_allowed=is_allowed,
        **work,
    )


@router.get("/providers/{name}/{operation}")
async def plan(request: Request, name: str, operation: Operation, state: State, caller: SignedIn) -> Response:
    """What an operation would do; nothing is done yet."""
    await state.rights.require(caller, on_config("patch", name))
    shown = await _one(state, caller, name)
    base = path_to("providers", name)
    return await plan_page(request, state, caller, operation, of=name, name=shown.name, base=base)


@router.post("/providers/{name}/{operation}")
async def operate(name: str, operation: Operation, state: State, caller: SignedIn) -> Response:
    """Have it done by the provider's workflow, and lead to where it is followed."""
    await state.rights.require(caller, on_config("patch", name))
    await _one(state, caller, name)
    await have_it_done(state, caller, operation, of=name)
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
    _refuse_reserved(name)
    return await tell_workflow(
        request, state, caller, command, reason, of=name, base=path_to("providers", name)
    )


async def _shown(state: WebState, caller: Caller) -> list[ShownProvider]:
    used = await _used(state, caller)
    alive = oldest_alive(datetime.now(UTC), limit=state.settings.heartbeat_limit)
    return [
        shown_provider(config, used_by=used[name], alive_since=alive)
        for (_, name), config in sorted(state.fleet.configs.objects.items())
    ]


async def _one(state: WebState, caller: Caller, name: str) -> ShownProvider:
    _refuse_reserved(name)
    config = state.fleet.config(name)
    if config is None:
        raise WebError(404, f"provider {name} is not registered: no InferenceProviderConfig is called so")
    used = await _used(state, caller)
    alive = oldest_alive(datetime.now(UTC), limit=state.settings.heartbeat_limit)
    return shown_provider(config, used_by=used[name], alive_since=alive)


def _refuse_reserved(name: str) -> None:
    if name in PREREQUISITES:
        raise WebError(
            404, f"{name} is no provider, but a shared prerequisite: {path_to('prerequisites', name)}"
        )


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
