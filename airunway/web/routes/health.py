"""Whether this process lives, what it is, and whether the cluster answers (web-api.md §3.1).

The reference serves these under two prefixes, so every path exists below both.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from airunway.api.names import DEPLOYMENT_PLURAL, GROUP
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import CRDS
from airunway.installation.crds import is_established
from airunway.web.answers import JsonAnswer
from airunway.web.derive.capacity import shown_nodes
from airunway.web.documented import answers
from airunway.web.routes.common import default_namespace
from airunway.web.shapes.state import ClusterStatusShape, HealthShape, NodesShape, VersionShape
from airunway.web.state import State
from airunway.workers.version import installed_version

public = APIRouter(tags=["state"])
router = APIRouter(tags=["state"])

CORE_CRD = f"{DEPLOYMENT_PLURAL}.{GROUP}"


@public.get("/api/health")
@public.get("/api/cluster", include_in_schema=False)
@answers(HealthShape)
async def health() -> Response:
    """The process lives."""
    return JsonAnswer({"status": "healthy", "timestamp": datetime.now(UTC).isoformat()})


@public.get("/api/health/version")
@public.get("/api/cluster/version", include_in_schema=False)
@answers(VersionShape)
async def version() -> Response:
    """Which build this is."""
    return JsonAnswer(
        {
            "version": installed_version(),
            "buildTime": os.environ.get("BUILD_TIME", "unknown"),
            "gitCommit": os.environ.get("GIT_COMMIT", "unknown"),
        }
    )


@public.get("/api/cluster/status")
@public.get("/api/health/status", include_in_schema=False)
@answers(ClusterStatusShape)
async def cluster_status(state: State) -> Response:
    """Whether the API server answers, and AI Runway's kinds are there; always 200."""
    shown: dict[str, Any] = {"namespace": await default_namespace(state), "clusterName": _name(state)}
    try:
        crd = await state.cluster.find(CRDS, CORE_CRD)
    except ApiError as err:
        refused = err.status in (401, 403)  # it answers, if only that
        answer = {"connected": refused, **shown, "error": str(err), "providerInstallation": None}
        return JSONResponse(answer)
    found = crd is not None and is_established(crd)
    message = (
        "ModelDeployments are served"
        if found
        else f"the CRD {CORE_CRD} is not installed; install it with: airunway crds --apply"
    )
    installation = {"installed": found, "crdFound": found, "message": message}
    return JsonAnswer({"connected": True, **shown, "providerInstallation": installation})


def _name(state: State) -> str:
    return state.settings.context or state.settings.cluster


@router.get("/api/cluster/nodes")
@router.get("/api/health/nodes", include_in_schema=False)
@answers(NodesShape)
async def nodes(state: State) -> Response:
    """The nodes that take pods."""
    return JsonAnswer({"nodes": shown_nodes(state.fleet.nodes.objects.values())})
