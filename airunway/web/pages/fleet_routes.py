"""The first page, signing in, and what tells open pages that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response
from temporalio.service import RPCError

from airunway.console.links import filter_links
from airunway.operations.errors import OperationError
from airunway.web.access import Right, on_deployment
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.pages.fleet_view import FleetFilter, ShownNode, fleet_page, gpus_in_use, node_gpus
from airunway.web.pages.live_events import changes
from airunway.web.pages.other_clusters import ClusterCount, count_clusters
from airunway.web.pages.rendering import PageRoute, page
from airunway.web.state import SignedIn, State, WebState
from airunway.workers.temporal.target import target_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
public = APIRouter(route_class=PageRoute, include_in_schema=False)
NODES_RIGHT = Right("list", "nodes")
PING_SECONDS = 20
COUNT_PATIENCE = 3.0
"""Seconds that the first page waits for the counts of all clusters."""


@router.get("/")
async def fleet(
    request: Request,
    state: State,
    caller: SignedIn,
    phase: str = "",
    provider: str = "",
    namespace: str = "",
    text: str = "",
    number: int = 1,
) -> Response:
    """Deployments, failures first; GPUs of the nodes."""
    revision = state.fleet.version  # before anything is read: a change from then on is told
    wanted = FleetFilter(phase=phase, provider=provider, namespace=namespace, text=text[:253])
    shown = fleet_page(await state.fleet.visible(caller), wanted, page=number)
    nodes, nodes_note = await _nodes(state, caller)
    target = target_of(state.settings)
    return page(
        request,
        "fleet.html",
        caller,
        shown=shown,
        wanted=wanted,
        nodes=nodes,
        nodes_note=nodes_note,
        not_listed=state.fleet.not_listed,
        revision=revision,
        clusters=await _clusters(state, caller),
        links=filter_links(target, state.settings.cluster) if target.ui else [],
    )


@router.get("/events")
async def events(request: Request, state: State, caller: SignedIn, of: str = "") -> Response:
    """Tells whenever something changed; never what. `of`: `namespace/name` of one deployment."""
    namespace, _, name = of.partition("/")
    if of:
        await state.rights.require(caller, on_deployment("get", namespace, name))

    async def stream() -> AsyncIterator[ServerSentEvent]:
        async for version in changes(state.fleet, namespace, name):
            yield ServerSentEvent(event="changed", data=str(version))

    return EventSourceResponse(stream(), ping=PING_SECONDS)


@public.get("/login")
async def login(request: Request, state: State, next: str = "/") -> Response:
    """Where a token is pasted."""
    if not state.identities.signs_in:
        raise WebError(404, "nobody has to sign in here")
    return page(request, "login.html", None, next=next)


async def _clusters(state: WebState, caller: Caller) -> list[ClusterCount]:
    """Of all clusters, where there are several, for who may list the deployments of this whole one."""
    if not await state.rights.may(caller, on_deployment("list", "")):
        return []

    async def count() -> list[ClusterCount]:
        async with asyncio.timeout(COUNT_PATIENCE):
            return await count_clusters(await state.temporal(), target_of(state.settings))

    try:
        found = await state.fleet_counts.get("", count)
    except (OperationError, RPCError, TimeoutError):
        state.fleet_counts.put("", [])  # this cluster is shown without; nobody waits for it with every page
        return []
    return found if len(found) > 1 else []


async def _nodes(state: WebState, caller: Caller) -> tuple[list[ShownNode], str]:
    """GPUs by node, or why they are not shown."""
    if not await state.rights.may(caller, NODES_RIGHT):
        return [], f"you may not {NODES_RIGHT.words}, so GPUs of nodes are not shown"
    used = gpus_in_use(state.fleet.pods.pods.values())
    return node_gpus(state.fleet.nodes.objects.values(), used), ""
