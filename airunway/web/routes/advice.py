"""Advice, recipes and costs: their shapes, with what is known here (web-api.md §3.5, §3.6)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, ValidationError
from starlette.responses import JSONResponse, Response

from airunway.web.answers import JsonAnswer
from airunway.web.derive.bodies import MAX_TEXT, Positive, ShortText, WebBody
from airunway.web.derive.capacity import gpus_by_node, node_pools
from airunway.web.derive.costs import GPU_MODELS, breakdown, normalized_gpu
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.shapes.advice import (
    AdviceShape,
    AdviceStatusShape,
    CostEstimateShape,
    GpuModelsShape,
    NormalizedGpuShape,
    NormalizedProductShape,
    PoolCostsShape,
)
from airunway.web.shapes.models import RecipesShape
from airunway.web.state import State

router = APIRouter(prefix="/api", tags=["advice"])

NO_ADVICE = "aiconfigurator is not part of this control plane; choose GPUs by hand"
NO_RECIPES = "vLLM recipes are not offered by this control plane; fill in the arguments by hand"
Label = Annotated[str, Query(max_length=MAX_TEXT)]


@router.get("/aiconfigurator/status")
@answers(AdviceStatusShape)
async def advice_status() -> Response:
    """There is none."""
    return JsonAnswer({"available": False, "error": NO_ADVICE})


class AnalyzeBody(WebBody):
    """What is to run on what."""

    model_id: Annotated[ShortText, Field(min_length=1)]
    gpu_type: Annotated[ShortText, Field(min_length=1)]
    gpu_count: Positive
    optimize_for: Literal["throughput", "latency"] = "throughput"
    max_latency_ms: Annotated[float, Field(gt=0)] | None = None


@router.post("/aiconfigurator/analyze")
@answers(AdviceShape)
async def analyze(request: Request) -> Response:
    """A plain default: all GPUs in one replica."""
    body = _analyzed(await _json(request))
    if isinstance(body, Response):
        return body
    config = {
        "tensorParallelDegree": body.gpu_count,
        "maxBatchSize": 256,
        "gpuMemoryUtilization": 0.9,
        "maxModelLen": 4096,
    }
    return JsonAnswer(
        {
            "success": False,
            "config": config,
            "mode": "aggregated",
            "replicas": 1,
            "error": NO_ADVICE,
            "warnings": [NO_ADVICE],
        }
    )


def _analyzed(given: Any) -> AnalyzeBody | Response:
    try:
        return AnalyzeBody.model_validate(given)
    except ValidationError as err:
        errors = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in err.errors()]
        shown = {"error": {"message": "Invalid request", "errors": errors, "statusCode": 400}}
        return JSONResponse(shown, status_code=400)


@router.post("/aiconfigurator/normalize-gpu")
@answers(NormalizedProductShape)
async def normalize_product(request: Request) -> Response:
    """The usual name of a GPU."""
    given = await _json(request)
    product = given.get("gpuProduct") if isinstance(given, dict) else None
    if not isinstance(product, str) or not product:
        raise _own(400, "gpuProduct is required")
    return JsonAnswer({"gpuProduct": product, "normalized": normalized_gpu(product)})


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as err:
        raise WebError(400, "Malformed JSON in request body") from err


def _own(status: int, message: str) -> WebError:
    return WebError(
        status, message, body={"error": {"message": message, "errors": [message], "statusCode": status}}
    )


# -- recipes ---------------------------------------------------------------------------------------------


@router.get("/vllm/recipes")
@answers(RecipesShape)
async def recipes() -> Response:
    """None, which the deploy form shows as such."""
    return JsonAnswer({"recipes": [], "total": 0, "source": "none", "message": NO_RECIPES})


@router.get("/vllm/recipes/{organisation}/{model}")
async def recipe(
    organisation: Annotated[str, Path(max_length=200)], model: Annotated[str, Path(max_length=200)]
) -> Response:
    """None."""
    raise WebError(502, NO_RECIPES)


class ResolveBody(WebBody):
    """Which recipe is wanted."""

    model_id: Annotated[ShortText, Field(min_length=1)]


@router.post("/vllm/recipes/resolve")
async def resolve(body: ResolveBody) -> Response:
    """None."""
    raise WebError(502, NO_RECIPES)


# -- costs -----------------------------------------------------------------------------------------------


class EstimateBody(WebBody):
    """What would run."""

    gpu_type: Annotated[ShortText, Field(min_length=1)]
    gpu_count: Positive
    replicas: Positive
    hours_per_month: Annotated[float, Field(ge=1, le=744)] | None = None


@router.get("/costs/node-pools")
@answers(PoolCostsShape)
async def pool_costs(
    state: State,
    gpuCount: Annotated[int, Query(ge=0, le=100_000)] = 1,
    replicas: Annotated[int, Query(ge=0, le=100_000)] = 1,
    realtime: Annotated[str, Query(max_length=20)] = "false",
    computeType: Annotated[str, Query(pattern="^(cpu|gpu)$")] = "gpu",
) -> Response:
    """The pools of the cluster; no prices are known."""
    nodes = gpus_by_node(state.fleet.nodes.objects.values(), state.fleet.pods.pods.values())
    pools = [] if computeType == "cpu" else node_pools(nodes)
    costs = [
        {
            "poolName": pool["name"],
            "gpuModel": str(pool.get("gpuModel") or "unknown"),
            "availableGpus": pool["availableGpus"],
            "costBreakdown": breakdown(str(pool.get("gpuModel") or ""), gpuCount * replicas),
        }
        for pool in pools
    ]
    cache = {"size": 0, "ttlMs": 3_600_000, "maxEntries": 1000}
    return JsonAnswer(
        {"success": True, "nodePoolCosts": costs, "pricingSource": "static", "cacheStats": cache}
    )


@router.post("/costs/estimate")
@answers(CostEstimateShape)
async def estimate(body: EstimateBody) -> Response:
    """The shape; no prices are known."""
    return JsonAnswer(
        {"success": True, "breakdown": breakdown(body.gpu_type, body.gpu_count * body.replicas)}
    )


@router.get("/costs/instance-price")
async def instance_price(instanceType: Label = "", region: Label = "") -> Response:
    """Prices are not asked for."""
    if not instanceType:
        raise WebError(400, "", body={"success": False, "error": "instanceType is required"})
    error = f"no price is known of {instanceType}: prices are not looked up"
    raise WebError(404, error, body={"success": False, "error": error})


@router.get("/costs/gpu-models")
@answers(GpuModelsShape)
async def gpu_models() -> Response:
    """GPUs that are known by name."""
    return JsonAnswer(
        {
            "success": True,
            "models": list(GPU_MODELS),
            "note": "prices depend on the provider and are not shown",
        }
    )


@router.get("/costs/normalize-gpu")
@answers(NormalizedGpuShape)
async def normalize_label(label: Label = "") -> Response:
    """The usual name of a GPU, and what is known of it."""
    if not label:
        raise WebError(400, "", body={"success": False, "error": "label is required"})
    name = normalized_gpu(label)
    info = next((entry for entry in GPU_MODELS if entry["model"] == name), None)
    known = {"memoryGb": info["memoryGb"], "generation": info["generation"]} if info else None
    return JSONResponse({"success": True, "originalLabel": label, "normalizedModel": name, "gpuInfo": known})
