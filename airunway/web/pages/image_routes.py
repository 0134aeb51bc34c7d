"""Builds and the registry."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response
from temporalio.service import RPCError

from airunway.api.names import MODEL_IMAGES
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import CONFIG_MAPS
from airunway.messages.commands import CANCEL_BUILD, RETRY
from airunway.modelimage.records import records_in
from airunway.operations.errors import OperationError
from airunway.web.errors import message_of
from airunway.web.identity import Caller
from airunway.web.pages.image_views import KeptImage, failed_images, kept_images, read_builds
from airunway.web.pages.rendering import PageRoute, link_to_workflow, page
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/images")
async def images(request: Request, state: State, caller: SignedIn) -> Response:
    """What is being built for whom, what failed, and what is kept."""
    objects = await state.fleet.visible(caller)
    visible = {(str(obj["metadata"]["namespace"]), str(obj["metadata"]["name"])) for obj in objects}
    builds, builds_note = [], ""
    try:
        builds = await read_builds(await state.temporal(), state.settings.cluster, visible)
    except (OperationError, RPCError) as err:
        builds_note = message_of(err)
    kept, kept_note = await _kept(state, caller)
    return page(
        request,
        "images.html",
        caller,
        builds=builds,
        builds_note=builds_note,
        failed=failed_images(objects),
        kept=kept,
        kept_note=kept_note,
        links={build.workflow_id: link_to_workflow(state, build.workflow_id) for build in builds},
        cancel=CANCEL_BUILD,
        retry=RETRY,
    )


async def _kept(state: WebState, caller: Caller) -> tuple[list[KeptImage], str]:
    """What the registry holds, read with the caller's rights; or why that is not shown."""
    try:
        found = await caller.cluster.find(CONFIG_MAPS, MODEL_IMAGES, namespace=state.settings.image_namespace)
    except ApiError as err:
        return [], f"what the registry holds is not shown: {message_of(err)}"
    records = records_in((found or {}).get("data"))
    every = state.fleet.deployments.objects.values()
    return kept_images(records, every, retention=state.settings.image_retention), ""
