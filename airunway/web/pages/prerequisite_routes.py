"""Shared prerequisites: how they stand; installing and upgrading with the plan before, as for providers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from airunway.installation.prerequisites import PREREQUISITES, Prerequisite
from airunway.messages.installation import Operation
from airunway.web.access import on_config
from airunway.web.errors import WebError
from airunway.web.pages.operations import have_it_done, obstacle, plan_page, tell_workflow, work_of
from airunway.web.pages.prerequisite_views import prerequisite_operations, shown_prerequisite
from airunway.web.pages.rendering import PageRoute, page, path_to
from airunway.web.state import SignedIn, State

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/prerequisites/{name}")
async def prerequisite(request: Request, name: str, state: State, caller: SignedIn) -> Response:
    """One of them, and what is being done about it."""
    await state.rights.require(caller, on_config("get", name))
    known = _known(name)
    shown = shown_prerequisite(known, *await state.standings.of_prerequisite(known))
    right = on_config("patch", name)
    is_allowed = await state.rights.may(caller, right)
    work = await work_of(state, name)
    buttons = prerequisite_operations(
        shown,
        is_allowed=is_allowed,
        right=right.words,
        is_working=work["is_working"],
        obstacle=await obstacle(state),
    )
    return page(
        request,
        "prerequisite.html",
        caller,
        prerequisite=shown,
        operations=buttons,
        is_allowed=is_allowed,
        **work,
    )


@router.get("/prerequisites/{name}/{operation}")
async def plan(request: Request, name: str, operation: Operation, state: State, caller: SignedIn) -> Response:
    """What an operation would do; nothing is done yet."""
    await state.rights.require(caller, on_config("patch", name))
    known = _known(name)
    base = path_to("prerequisites", name)
    return await plan_page(request, state, caller, operation, of=name, name=known.name, base=base)


@router.post("/prerequisites/{name}/{operation}")
async def operate(name: str, operation: Operation, state: State, caller: SignedIn) -> Response:
    """Have it done by its workflow, and lead to where it is followed."""
    await state.rights.require(caller, on_config("patch", name))
    _known(name)
    await have_it_done(state, caller, operation, of=name)
    return RedirectResponse(path_to("prerequisites", name), status_code=303)


@router.post("/prerequisites/{name}/ask/{command}")
async def command(
    request: Request,
    name: str,
    command: str,
    state: State,
    caller: SignedIn,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Try a failed operation again, or give it up: what its workflow answers."""
    _known(name)
    base = path_to("prerequisites", name)
    return await tell_workflow(request, state, caller, command, reason, of=name, base=base)


def _known(name: str) -> Prerequisite:
    found = PREREQUISITES.get(name)
    if found is None:
        raise WebError(404, f"there is no shared prerequisite {name}; there are {', '.join(PREREQUISITES)}")
    return found
