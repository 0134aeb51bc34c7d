"""GPUs, Gateways and the autoscaler, as the cluster shows them (web-api.md §3.3, §3.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIG_MAPS, Object
from airunway.gateway.choice import choose_gateway
from airunway.gateway.kinds import GATEWAY
from airunway.web.answers import JsonAnswer
from airunway.web.derive.autoscaler import autoscaler_status, detected, managed_pools
from airunway.web.derive.bodies import MAX_TEXT
from airunway.web.derive.capacity import (
    NodeGpus,
    cluster_capacity,
    detailed_capacity,
    gpus_by_node,
    node_pools,
)
from airunway.web.derive.gateway import gateway_models
from airunway.web.derive.throughput import has_known_gpu, throughput
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.routes.common import HubToken, default_namespace
from airunway.web.shapes.capacity import (
    AutoscalerShape,
    AutoscalerStatusShape,
    CapacityShape,
    DetailedCapacityShape,
    GatewayModelsShape,
    GatewayShape,
    ThroughputShape,
)
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(prefix="/api", tags=["cluster"])

KUBE_SYSTEM, AUTOSCALER_CONFIG_MAP = "kube-system", "cluster-autoscaler-status"
Text = Annotated[str | None, Query(max_length=MAX_TEXT)]


@router.get("/installation/gpu-capacity")
@answers(CapacityShape)
async def gpu_capacity(state: State) -> Response:
    """GPUs of each node."""
    return JsonAnswer(cluster_capacity(nodes_in(state)))


@router.get("/installation/gpu-capacity/detailed")
@answers(DetailedCapacityShape)
async def detailed_gpu_capacity(state: State) -> Response:
    """GPUs of each pool of nodes."""
    return JsonAnswer(detailed_capacity(nodes_in(state)))


@router.get("/installation/gpu-throughput")
@answers(ThroughputShape)
async def gpu_throughput(
    state: State,
    modelId: Annotated[str, Query(min_length=1, max_length=MAX_TEXT)],
    paramCount: Annotated[float | None, Query(gt=0, le=9e12)] = None,
    contextLen: Annotated[int | None, Query(gt=0, le=1_048_576)] = None,
    quantization: Annotated[str | None, Query(pattern="^(fp8|int8|fp16|bf16)$")] = None,
    kvCacheDtype: Annotated[str | None, Query(pattern="^(fp8|int8|fp16|bf16)$")] = None,
    gpuModel: Text = None,
    tpSize: Annotated[int | None, Query(gt=0, le=64)] = None,
    token: HubToken = "",
) -> Response:
    """About how fast a model would answer on what the cluster has, and how many chats at once."""
    pools = node_pools(nodes_in(state))
    found = throughput(
        pools,
        model=modelId,
        parameters=paramCount,
        context=contextLen,
        quantization=quantization or "fp16",
        kv_dtype=kvCacheDtype or "fp16",
        wanted_gpu=gpuModel or "",
        tp_size=tpSize,
        shape=await state.hub.cache_of(modelId, token=token) if has_known_gpu(pools) else None,
    )
    if found is None:
        raise WebError(404, "no pool of nodes has a GPU whose speed is known")
    return JsonAnswer(found)


def nodes_in(state: WebState) -> list[NodeGpus]:
    """Nodes that have GPUs, by name."""
    return gpus_by_node(state.fleet.nodes.objects.values(), state.fleet.pods.pods.values())


# -- Gateways --------------------------------------------------------------------------------------------


@router.get("/gateway/status")
@answers(GatewayShape)
async def gateway_status(state: State) -> Response:
    """Whether deployments can be published, and where."""
    return JsonAnswer(await gateway_in(state))


@router.get("/gateway/models")
@answers(GatewayModelsShape)
async def models_behind_gateway(state: State, caller: SignedIn) -> Response:
    """Models that are published, of the default namespace."""
    found = await state.fleet.visible(caller, await default_namespace(state))
    return JsonAnswer({"models": gateway_models(found)})


async def gateway_in(state: WebState) -> dict[str, Any]:
    """GatewayStatus (web-api.md §5)."""
    try:
        served = await ServedGatewayKinds(state.cluster).now()
        if not served.complete:
            return {"available": False}
        gateways = (await state.cluster.listing(served[GATEWAY])).items
    except ApiError as err:
        return {"available": False, "message": str(err)}
    options = state.settings.gateway_options(impersonate="")
    choice = choose_gateway(gateways, configured=options.configured, asked=None, namespace="", labels={})
    if choice.gateway is None:
        return {"available": False, "message": choice.finding.message if choice.finding else ""}
    addresses = (choice.gateway.get("status") or {}).get("addresses") or [{}]
    shown: dict[str, Any] = {"available": True}
    if value := addresses[0].get("value"):
        shown["endpoint"] = value
    return shown


# -- autoscaler ------------------------------------------------------------------------------------------


@router.get("/autoscaler/detection")
@answers(AutoscalerShape)
async def autoscaler_detection(state: State) -> Response:
    """Whether something adds nodes."""
    pools = managed_pools(list(state.fleet.nodes.objects.values()))
    if pools is not None:
        return JsonAnswer(pools)
    try:
        config_map = await state.cluster.find(CONFIG_MAPS, AUTOSCALER_CONFIG_MAP, namespace=KUBE_SYSTEM)
        deployments: list[Object] = []
        if config_map is None:
            deployments = (await state.cluster.listing(APPS_DEPLOYMENTS, namespace=KUBE_SYSTEM)).items
    except ApiError as err:
        return JsonAnswer({"type": "unknown", "detected": False, "healthy": False, "message": str(err)})
    return JsonAnswer(detected(config_map, deployments, now=datetime.now(UTC)))


@router.get("/autoscaler/status")
@answers(AutoscalerStatusShape)
async def autoscaler(state: State) -> Response:
    """What the autoscaler says of itself."""
    try:
        config_map = await state.cluster.find(CONFIG_MAPS, AUTOSCALER_CONFIG_MAP, namespace=KUBE_SYSTEM)
    except ApiError as err:
        raise WebError(500, str(err), body={"error": str(err)}) from err
    shown = autoscaler_status(config_map)
    if shown is None:
        raise WebError(404, "no cluster autoscaler writes its status here")
    return JsonAnswer(shown)
