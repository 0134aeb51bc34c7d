"""Shared prerequisites: the GPU operator, and the kinds of Gateway API (web-api.md §3.3, §3.4).

Each is installed by a workflow of the installer, as a provider's operator is, and refused as that is. What is
there already is a success, with nothing done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from airunway.clients.kubernetes import CRDS, Object
from airunway.installation.commands import commands_of
from airunway.installation.plan import plan_of
from airunway.installation.prerequisites import (
    GATEWAY_CRDS,
    GPU_OPERATOR,
    Prerequisite,
    prerequisite_metadata,
)
from airunway.installation.state import State as Standing
from airunway.messages.installation import InstallationRequest, Operation, StepRecord
from airunway.messages.installation_workflow import InstallationOutcome, InstallationView
from airunway.web.answers import JsonAnswer
from airunway.web.derive.gateway import EXTENSION_CRD, GATEWAY_CRD, gateway_crd_status
from airunway.web.documented import answers
from airunway.web.identity import Caller
from airunway.web.installations import (
    carried_out,
    failed_answer,
    installing_client,
    progress_of,
    request_of,
)
from airunway.web.routes.cluster import gateway_in, nodes_in
from airunway.web.shapes.capacity import (
    GatewayCrdsShape,
    GatewayInstalledShape,
    GpuOperatorInstalledShape,
    GpuOperatorStatusShape,
)
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(prefix="/api/installation", tags=["installing"])

GATEWAY_STEPS = ("gateway-api-crds", "inference-extension-crds")
"""In the reference's order; both are in every answer."""
STILL_RUNNING = "StillRunning"


def _commands(known: Prerequisite) -> list[str]:
    return commands_of(plan_of(prerequisite_metadata(known)))


GPU_OPERATOR_COMMANDS = _commands(GPU_OPERATOR)
GATEWAY_COMMANDS = _commands(GATEWAY_CRDS)


@router.get("/gpu-operator/status")
@answers(GpuOperatorStatusShape)
async def gpu_operator_status(state: State) -> Response:
    """Whether NVIDIA's GPU operator is there, and whether nodes have GPUs without it."""
    shown = {**await _gpu_operator(state), "helmCommands": GPU_OPERATOR_COMMANDS}
    return JsonAnswer({**shown, **await progress_of(state, GPU_OPERATOR.id)})


@router.post("/gpu-operator/install")
@answers(GpuOperatorInstalledShape, s202=GpuOperatorInstalledShape)
async def install_gpu_operator(state: State, caller: SignedIn) -> Response:
    """Have it installed, and wait for the end."""
    status = await _gpu_operator(state)
    if status["installed"]:
        words = "The NVIDIA GPU operator is installed already"
        return JsonAnswer({"success": True, "message": words, "alreadyInstalled": True, "status": status})
    request, done = await _install(state, caller, GPU_OPERATOR)
    status = await _gpu_operator(state)
    if done is None:
        words = "install goes on: ask /api/installation/gpu-operator/status"
        shown = {"success": False, "message": words, "status": status, "reason": STILL_RUNNING}
        return JsonAnswer(shown, 202)
    view, outcome = done
    results = _shown(view.steps)
    if not outcome.succeeded:
        return failed_answer(GPU_OPERATOR.name, request, outcome, results=results)
    words = f"{GPU_OPERATOR.name} installed successfully" if outcome.changed else outcome.message
    return JsonAnswer(
        {
            "success": True,
            "message": words,
            "alreadyInstalled": None if outcome.changed else True,
            "status": status,
            "results": results,
        }
    )


@router.get("/gateway/status")
@answers(GatewayCrdsShape)
async def gateway_crds(state: State) -> Response:
    """Whether the kinds of Gateway API and its inference extension are installed."""
    found: dict[str, Object | None] = {}
    for name in (GATEWAY_CRD, EXTENSION_CRD):
        found[name] = await state.cluster.find(CRDS, name)
    shown = gateway_crd_status(found, await gateway_in(state), GATEWAY_COMMANDS)
    return JsonAnswer({**shown, **await progress_of(state, GATEWAY_CRDS.id)})


@router.post("/gateway/install-crds")
@answers(GatewayInstalledShape, s202=GatewayInstalledShape)
async def install_gateway_crds(state: State, caller: SignedIn) -> Response:
    """Have them installed, and wait for the end. Those that others brought are left as they are."""
    _, seen = await state.standings.of_prerequisite(GATEWAY_CRDS)
    if seen.installed:
        results = [_done(step, "installed already") for step in GATEWAY_STEPS]
        return JsonAnswer({"success": True, "message": "The CRDs are installed already", "results": results})
    request, done = await _install(state, caller, GATEWAY_CRDS)
    if done is None:
        words = "install goes on: ask /api/installation/gateway/status"
        shown = {"success": False, "message": words, "results": [], "reason": STILL_RUNNING}
        return JsonAnswer(shown, 202)
    view, outcome = done
    results = _shown(sorted(view.steps, key=_place))
    if not outcome.succeeded:
        return failed_answer(GATEWAY_CRDS.name, request, outcome, results=results)
    words = "Gateway API CRDs installed successfully" if outcome.changed else outcome.message
    return JsonAnswer({"success": True, "message": words, "results": results})


async def _install(
    state: WebState, caller: Caller, known: Prerequisite
) -> tuple[InstallationRequest, tuple[InstallationView, InstallationOutcome] | None]:
    client = await installing_client(state, caller, known.id)
    request = request_of(caller, known.id, Operation.INSTALL)
    return request, await carried_out(state, client, request)


def _shown(steps: Iterable[StepRecord]) -> list[dict[str, Any]]:
    return [step.model_dump() for step in steps]


def _done(step: str, output: str) -> dict[str, Any]:
    return StepRecord(step=step, output=output).model_dump()


def _place(step: StepRecord) -> int:
    return GATEWAY_STEPS.index(step.step) if step.step in GATEWAY_STEPS else len(GATEWAY_STEPS)


async def _gpu_operator(state: WebState) -> Mapping[str, Any]:
    """GpuOperatorStatus without its commands; a pod runs when it is ready (install.md, weak spot 27)."""
    _, seen = await state.standings.of_prerequisite(GPU_OPERATOR)
    nodes = nodes_in(state)
    gpus = sum(entry.total for entry in nodes)
    if seen.state is Standing.PROBE_ERROR:
        words = seen.message
    elif seen.installed:
        words = f"the GPU operator runs; {gpus} GPUs"
    elif nodes:
        words = f"{gpus} GPUs are there without the GPU operator"
    elif seen.crd_found:
        words = "the definitions of the GPU operator are there, and no pod of it is ready"
    else:
        words = "neither the GPU operator nor GPUs were found"
    return {
        "installed": seen.installed,
        "crdFound": seen.crd_found,
        "operatorRunning": seen.operator_running,
        "gpusAvailable": bool(nodes),
        "totalGPUs": gpus,
        "gpuNodes": [entry.name for entry in nodes],
        "message": words,
    }
