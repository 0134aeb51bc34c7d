"""Builds and the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from fastapi import APIRouter, Request
from starlette.responses import Response
from temporalio.service import RPCError

from airunway.api.names import MODEL_IMAGES
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import CONFIG_MAPS
from airunway.messages.commands import CANCEL_BUILD, RETRY
from airunway.modelimage.records import records_in
from airunway.operations.errors import OperationError
from airunway.web.access import on_deployment
from airunway.web.errors import message_of
from airunway.web.identity import Caller
from airunway.web.pages.image_views import (
    KeptImage,
    Place,
    ShownBuild,
    failed_images,
    kept_images,
    read_builds,
)
from airunway.web.pages.rendering import PageRoute, link_to_workflow, page
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(route_class=PageRoute, include_in_schema=False)

BUILDS_SECONDS = 6.0
"""Until the page is shown without builds."""
MAX_SHOWN = 50
"""Of those who wait for one build, and of those whose build failed: others are counted."""
MAX_ASKED = 100
"""Deployments about which Kubernetes is asked one by one, whether the caller may change them."""


@router.get("/images")
async def images(request: Request, state: State, caller: SignedIn) -> Response:
    """What is being built for whom, what failed, and what is kept."""
    objects = await state.fleet.visible(caller)
    visible = {(str(obj["metadata"]["namespace"]), str(obj["metadata"]["name"])) for obj in objects}
    builds: list[ShownBuild] = []
    builds_note = ""
    wanted: Collection[str] | None = None
    try:
        async with asyncio.timeout(BUILDS_SECONDS):
            builds, wanted = await read_builds(await state.temporal(), state.settings.cluster, visible)
    except (OperationError, RPCError) as err:
        builds_note = message_of(err)
    except TimeoutError:
        builds_note = "Temporal does not answer, so builds are not shown"
    kept, kept_note = await _kept(state, caller, wanted)
    failed = failed_images(objects)
    places = {place for build in builds for place in build.waiting[:MAX_SHOWN]}
    places |= {(entry.namespace, entry.name) for entry in failed[:MAX_SHOWN]}
    return page(
        request,
        "images.html",
        caller,
        builds=builds,
        builds_note=builds_note,
        failed=failed,
        most=MAX_SHOWN,
        untouchable=await _untouchable(state, caller, places),
        kept=kept,
        kept_note=kept_note,
        links={build.workflow_id: link_to_workflow(state, build.workflow_id) for build in builds},
        cancel=CANCEL_BUILD,
        retry=RETRY,
    )


async def _untouchable(state: WebState, caller: Caller, places: Collection[Place]) -> frozenset[Place]:
    """Those of the deployments that the caller may not change, as far as is asked."""
    everywhere = on_deployment("patch", "")
    allowed = await state.rights.namespaces(caller, everywhere, {namespace for namespace, _ in places})
    if allowed is None:
        return frozenset()
    doubtful = sorted(place for place in places if place[0] not in allowed)[:MAX_ASKED]
    may = await asyncio.gather(
        *(state.rights.may(caller, on_deployment("patch", *place)) for place in doubtful)
    )
    return frozenset(place for place, is_so in zip(doubtful, may, strict=True) if not is_so)


async def _kept(
    state: WebState, caller: Caller, wanted: Collection[str] | None
) -> tuple[list[KeptImage], str]:
    """What the registry holds, read with the caller's rights; or why that is not shown."""
    try:
        found = await caller.cluster.find(CONFIG_MAPS, MODEL_IMAGES, namespace=state.settings.image_namespace)
    except ApiError as err:
        return [], f"what the registry holds is not shown: {message_of(err)}"
    records = records_in((found or {}).get("data"))
    every = state.fleet.deployments.objects.values()
    return kept_images(records, every, retention=state.settings.image_retention, wanted=wanted), ""
