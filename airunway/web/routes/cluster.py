"""GPUs, the GPU operator, Gateways and the autoscaler, as the cluster shows them (web-api.md §3.3, §3.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIG_MAPS, CRDS, Object
from airunway.gateway.choice import choose_gateway
from airunway.gateway.kinds import GATEWAY
from airunway.gateway.versions import INFERENCE_EXTENSION_VERSION
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
from airunway.web.derive.gateway import (
    EXTENSION_CRD,
    GATEWAY_CRD,
    gateway_crd_status,
    gateway_models,
)
from airunway.web.derive.throughput import has_known_gpu, throughput
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.routes.common import HubToken, default_namespace
from airunway.web.shapes.capacity import (
    AutoscalerShape,
    AutoscalerStatusShape,
    CapacityShape,
    DetailedCapacityShape,
    GatewayCrdsShape,
    GatewayInstalledShape,
    GatewayModelsShape,
    GatewayShape,
    GpuOperatorInstalledShape,
    GpuOperatorStatusShape,
    ThroughputShape,
)
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(prefix="/api", tags=["cluster"])

GPU_OPERATOR_CRD = "clusterpolicies.nvidia.com"
GPU_OPERATOR_COMMANDS = [
    "helm repo add nvidia https://helm.ngc.nvidia.com/nvidia --force-update",
    "helm repo update",
    "helm upgrade gpu-operator nvidia/gpu-operator --install --namespace gpu-operator --create-namespace",
]
KUBE_SYSTEM, AUTOSCALER_CONFIG_MAP = "kube-system", "cluster-autoscaler-status"
Text = Annotated[str | None, Query(max_length=MAX_TEXT)]


@router.get("/installation/gpu-capacity")
@answers(CapacityShape)
async def gpu_capacity(state: State) -> Response:
    """GPUs of each node."""
    return JsonAnswer(cluster_capacity(_nodes(state)))


@router.get("/installation/gpu-capacity/detailed")
@answers(DetailedCapacityShape)
async def detailed_gpu_capacity(state: State) -> Response:
    """GPUs of each pool of nodes."""
    return JsonAnswer(detailed_capacity(_nodes(state)))


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
    pools = node_pools(_nodes(state))
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


def _nodes(state: WebState) -> list[NodeGpus]:
    return gpus_by_node(state.fleet.nodes.objects.values(), state.fleet.pods.pods.values())


@router.get("/installation/gpu-operator/status")
@answers(GpuOperatorStatusShape)
async def gpu_operator_status(state: State) -> Response:
    """Whether NVIDIA's GPU operator is there, and whether nodes have GPUs without it."""
    return JsonAnswer({**await _gpu_operator(state), "helmCommands": GPU_OPERATOR_COMMANDS})


@router.post("/installation/gpu-operator/install")
@answers(GpuOperatorInstalledShape)
async def install_gpu_operator(state: State, caller: SignedIn) -> Response:
    """Not done here: only what a provider's registration names is installed, and by the installer."""
    status = await _gpu_operator(state)
    if status["installed"]:
        return JsonAnswer(
            {
                "success": True,
                "message": "The NVIDIA GPU operator is installed already",
                "alreadyInstalled": True,
                "status": status,
            }
        )
    raise WebError(
        400,
        "the NVIDIA GPU operator is not a provider's, and is installed by an administrator: "
        + " && ".join(GPU_OPERATOR_COMMANDS),
    )


async def _gpu_operator(state: WebState) -> dict[str, Any]:
    nodes = _nodes(state)
    try:
        crd_found = await state.cluster.find(CRDS, GPU_OPERATOR_CRD) is not None
    except ApiError as err:
        return {**_gpus(nodes), "crdFound": False, "installed": False, "message": str(err)}
    running = any(
        (pod["metadata"].get("labels") or {}).get("app") == "gpu-operator"
        and (pod.get("status") or {}).get("phase") == "Running"
        for pod in state.fleet.pods.pods.values()
    )
    if crd_found and running:
        words = f"the GPU operator runs; {sum(entry.total for entry in nodes)} GPUs"
    elif nodes:
        words = f"{sum(entry.total for entry in nodes)} GPUs are there without the GPU operator"
    elif crd_found:
        words = "the definitions of the GPU operator are there, and no pod of it runs"
    else:
        words = "neither the GPU operator nor GPUs were found"
    return {
        **_gpus(nodes),
        "installed": crd_found and running,
        "crdFound": crd_found,
        "operatorRunning": running,
        "message": words,
    }


def _gpus(nodes: list[NodeGpus]) -> dict[str, Any]:
    return {
        "operatorRunning": False,
        "gpusAvailable": bool(nodes),
        "totalGPUs": sum(entry.total for entry in nodes),
        "gpuNodes": [entry.name for entry in nodes],
    }


# -- Gateways --------------------------------------------------------------------------------------------


@router.get("/gateway/status")
@answers(GatewayShape)
async def gateway_status(state: State) -> Response:
    """Whether deployments can be published, and where."""
    return JsonAnswer(await _gateway(state))


@router.get("/gateway/models")
@answers(GatewayModelsShape)
async def models_behind_gateway(state: State, caller: SignedIn) -> Response:
    """Models that are published, of the default namespace."""
    found = await state.fleet.visible(caller, await default_namespace(state))
    return JsonAnswer({"models": gateway_models(found)})


@router.get("/installation/gateway/status")
@answers(GatewayCrdsShape)
async def gateway_crds(state: State) -> Response:
    """Whether the kinds of Gateway API and its inference extension are installed."""
    found: dict[str, Object | None] = {}
    for name in (GATEWAY_CRD, EXTENSION_CRD):
        found[name] = await state.cluster.find(CRDS, name)
    return JsonAnswer(gateway_crd_status(found, await _gateway(state)))


@router.post("/installation/gateway/install-crds")
@answers(GatewayInstalledShape)
async def install_gateway_crds(state: State, caller: SignedIn) -> Response:
    """Not done here: this process may not write definitions; the answer says how it is done."""
    found = {name: await state.cluster.find(CRDS, name) for name in (GATEWAY_CRD, EXTENSION_CRD)}
    status = gateway_crd_status(found, await _gateway(state))
    if status["gatewayApiInstalled"] and status["inferenceExtInstalled"]:
        results = [
            {"step": step, "success": True, "output": "installed already", "error": ""}
            for step in ("gateway-api-crds", "inference-extension-crds")
        ]
        return JsonAnswer({"success": True, "message": "The CRDs are installed already", "results": results})
    commands = " && ".join(status["installCommands"])
    version = INFERENCE_EXTENSION_VERSION
    raise WebError(
        403, f"definitions ({version}) are installed by an administrator of the cluster: {commands}"
    )


async def _gateway(state: WebState) -> dict[str, Any]:
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
