"""The catalogue, the hub's search, and images of GGUF models (web-api.md §3.5)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import APPS_DEPLOYMENTS
from airunway.modelimage.naming import (
    PULL_HOST,
    AikitRequest,
    model_image_reference,
    model_problem,
    request_errors,
)
from airunway.operations.errors import OperationError
from airunway.web.answers import JsonAnswer
from airunway.web.derive.bodies import ShortText, WebBody
from airunway.web.derive.catalogue import CATALOGUE, catalogue_model, premade_models
from airunway.web.derive.pods import whole
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.routes.common import HubToken
from airunway.web.shapes.models import (
    BuildPreviewShape,
    BuildShape,
    CatalogueShape,
    FilesShape,
    InfrastructureShape,
    ModelShape,
    PremadeShape,
    PremadesShape,
    SearchShape,
    SetUpShape,
)
from airunway.web.state import State

router = APIRouter(prefix="/api", tags=["models"])

REGISTRY = "airunway-registry"
NO_BUILDS = "images are not built in this cluster (AIRUNWAY_IMAGE_BUILDS=false)"
ADVICE = "the image is built with the deployment: watch it there, in its history or with `airunway status`"


@router.get("/models")
@answers(CatalogueShape)
async def list_models() -> Response:
    """The fixed catalogue."""
    return JsonAnswer({"models": list(CATALOGUE)})


@router.get("/models/search")
@answers(SearchShape)
async def search_models(
    state: State,
    q: Annotated[str, Query(min_length=2, max_length=200)],
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    token: HubToken = "",
) -> Response:
    """Models of the hub that can be served here."""
    found, more = await state.hub.search(q, limit=limit, offset=offset, token=token)
    total = offset + len(found) + int(more)
    return JsonAnswer({"models": found, "total": total, "hasMore": more, "query": q})


@router.get("/models/{model:path}/gguf-files")
@answers(FilesShape)
async def gguf_files(
    state: State, model: Annotated[str, Path(max_length=400)], token: HubToken = ""
) -> Response:
    """The GGUF files of a repository."""
    problem = model_problem(model)
    if problem:
        raise WebError(400, problem)
    return JsonAnswer({"files": await state.hub.gguf_files(model, token=token)})


@router.get("/models/{model:path}")
@answers(ModelShape)
async def get_model(model: Annotated[str, Path(max_length=400)]) -> Response:
    """One entry of the catalogue."""
    found = catalogue_model(model)
    if found is None:
        raise WebError(404, f"Model not found: {model} is not in the catalogue")
    return JsonAnswer(found)


# -- images ----------------------------------------------------------------------------------------------


class BuildBody(WebBody):
    """Which image is wanted."""

    model_source: Literal["premade", "huggingface"]
    premade_model: ShortText | None = None
    model_id: ShortText | None = None
    gguf_file: ShortText | None = None
    image_name: ShortText | None = None
    image_tag: ShortText | None = None


@router.get("/aikit/models")
@answers(PremadesShape)
async def list_premade() -> Response:
    """Images that AIKit has made."""
    shown = premade_models()
    return JsonAnswer({"models": shown, "total": len(shown)})


@router.get("/aikit/models/{identity}")
@answers(PremadeShape)
async def get_premade(identity: Annotated[str, Path(max_length=100)]) -> Response:
    """One of them."""
    found = next((entry for entry in premade_models() if entry["id"] == identity), None)
    if found is None:
        raise WebError(404, f"Premade model not found: {identity}")
    return JsonAnswer(found)


@router.post("/aikit/build")
@answers(BuildShape)
async def build(state: State, body: BuildBody) -> Response:
    """Answer at once with the image's reference; a deployment that names it has it built."""
    request = _request(body)
    is_premade = request.source == "premade"
    if not is_premade and not state.settings.image_builds:
        raise WebError(400, NO_BUILDS)
    reference = state.promises.promise(request)
    return JsonAnswer(
        {
            "success": True,
            "imageRef": reference,
            "buildTime": 0,
            "wasPremade": is_premade,
            "message": "Using a pre-made image" if is_premade else ADVICE,
        }
    )


@router.post("/aikit/build/preview")
@answers(BuildPreviewShape)
async def preview_build(body: BuildBody) -> Response:
    """The reference alone."""
    request = _request(body)
    is_premade = request.source == "premade"
    return JsonAnswer(
        {
            "imageRef": model_image_reference(request),
            "wasPremade": is_premade,
            "requiresBuild": not is_premade,
            "registryUrl": PULL_HOST,
        }
    )


def _request(body: BuildBody) -> AikitRequest:
    request = AikitRequest(
        source=body.model_source,
        premade=body.premade_model or "",
        model=body.model_id or "",
        file=body.gguf_file or "",
        name=body.image_name or "",
        tag=body.image_tag or "",
    )
    problems = request_errors(request)
    if problems:
        raise WebError(400, "; ".join(problems))
    return request


@router.get("/aikit/infrastructure/status")
@answers(InfrastructureShape)
async def infrastructure(state: State) -> Response:
    """Whether images can be built. Registry and builder are made when one is first needed."""
    return JsonAnswer(await _infrastructure(state))


@router.post("/aikit/infrastructure/setup")
@answers(SetUpShape)
async def set_up(state: State) -> Response:
    """Nothing is to be done beforehand."""
    shown = await _infrastructure(state)
    if not shown["ready"]:
        raise WebError(500, str(shown["error"]))
    return JsonAnswer(
        {
            "success": True,
            "message": "registry and builder are made when the first image is built",
            "registry": {"url": PULL_HOST, "ready": True},
            "builder": {"name": "airunway-builder", "ready": True},
        }
    )


async def _infrastructure(state: State) -> dict[str, Any]:
    problem = ""
    if not state.settings.image_builds:
        problem = NO_BUILDS
    else:
        try:
            await state.temporal()
        except OperationError as err:
            problem = str(err)
    ready = not problem
    try:
        found = await state.cluster.find(APPS_DEPLOYMENTS, REGISTRY, namespace=SYSTEM_NAMESPACE)
    except ApiError:
        found = None
    runs = bool(whole(((found or {}).get("status") or {}).get("readyReplicas")))
    words = "runs" if runs else "is made when the first image is built"
    shown: dict[str, Any] = {
        "ready": ready,
        "registry": {
            "installed": found is not None,
            "ready": ready,
            "url": PULL_HOST,
            "message": problem or f"the registry {words}",
        },
        "builder": {
            "exists": ready,
            "ready": ready,
            "running": ready,  # what the reference's frontend reads, and its backend never sends
            "name": "airunway-builder",
            "driver": "kubernetes",
            "message": problem or "the builder is started when it is needed",
        },
    }
    return {**shown, "error": problem} if problem else shown
