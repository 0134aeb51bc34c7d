"""What runs of a deployment: logs and metrics (web-api.md §6.4, §6.5), read with the caller's own token.

A deployment may be named after the pods of somebody else, and its status name any Service: only Kubernetes
can say of whom one may read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import aiohttp
from fastapi import APIRouter, Query
from starlette.responses import Response

from airunway.clients.errors import ApiError, error_text
from airunway.clients.http import TooLarge, read_at_most, read_beginning
from airunway.clients.kubernetes import PODS, Cluster, Object
from airunway.clients.kubernetes.kinds import path_of
from airunway.web.access import Right
from airunway.web.answers import JsonAnswer
from airunway.web.derive.logs import container_of, without_colours
from airunway.web.derive.metrics import metrics_in
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.routes.common import Name, NamespaceQuery, read_deployment, service_of
from airunway.web.shapes.deployments import LogsShape, MetricsShape
from airunway.web.state import SignedIn, State

router = APIRouter(prefix="/api/deployments", tags=["serving"])

LOGS_TIMEOUT = aiohttp.ClientTimeout(total=30.0, sock_connect=10)
METRICS_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
MAX_LOG_BYTES = 8 * 1024 * 1024
MAX_METRICS_BYTES = 8 * 1024 * 1024
FAILED_METRICS_SECONDS = 5.0


@router.get("/{name}/logs")
@answers(LogsShape)
async def get_logs(
    state: State,
    caller: SignedIn,
    name: Name,
    namespace: NamespaceQuery = None,
    podName: Annotated[str | None, Query(max_length=253)] = None,
    container: Annotated[str | None, Query(max_length=253)] = None,
    tailLines: Annotated[int, Query(ge=1, le=10_000)] = 100,
    timestamps: str | None = None,
) -> Response:
    """The last lines of one of its pods."""
    meta = (await read_deployment(state, caller, namespace, name))["metadata"]
    pods = {pod["metadata"]["name"]: pod for pod in state.fleet.pods_of(meta["namespace"], meta["name"])}
    if podName is not None and podName not in pods:
        raise WebError(400, f"Pod {podName} is none of deployment {meta['namespace']}/{meta['name']}")
    if not pods:
        return JsonAnswer({"logs": "", "podName": "", "message": "No pods found for this deployment"})
    pod = pods[podName] if podName is not None else next(iter(pods.values()))
    right = Right("get", "pods", "", meta["namespace"], pod["metadata"]["name"], "log")
    await state.rights.require(caller, right)
    chosen = container or container_of(pod)
    query = {"tailLines": str(tailLines), "container": chosen}
    if timestamps == "true":
        query["timestamps"] = "true"
    text = await _read_logs(caller.cluster, pod, query)
    shown = {"logs": without_colours(text), "podName": pod["metadata"]["name"], "container": chosen or None}
    return JsonAnswer(shown)


async def _read_logs(cluster: Cluster, pod: Object, query: dict[str, str]) -> str:
    """The text. `cluster`: as the caller. Raises WebError."""
    meta = pod["metadata"]
    path = path_of(PODS, namespace=meta["namespace"], name=meta["name"], subresource="log")
    try:
        answer = await cluster.open("GET", path, query=query, timeout=LOGS_TIMEOUT)
        async with answer:
            if answer.status >= 400:
                raise await _refused(answer)
            return (await read_at_most(answer, MAX_LOG_BYTES)).decode(errors="replace")
    except TooLarge as err:
        raise WebError(413, f"{err}; ask for fewer lines") from err
    except (ApiError, aiohttp.ClientError, TimeoutError) as err:
        raise WebError(502, f"the logs of pod {meta['name']} cannot be read: {error_text(err)}") from err


async def _refused(answer: aiohttp.ClientResponse) -> WebError:
    data = (await read_beginning(answer, 64 * 1024)).decode(errors="replace")
    status = answer.status if answer.status in (400, 403, 404, 429, 503) else 502
    return WebError(status, _message(data) or f"HTTP {answer.status}")


def _message(data: str) -> str:
    try:
        return str(json.loads(data).get("message") or "")
    except (ValueError, AttributeError, RecursionError):
        return data.strip()[:500]


@router.get("/{name}/metrics")
@answers(MetricsShape)
async def get_metrics(
    state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None
) -> Response:
    """What its server counts, kept for a moment for all who may look."""
    deployment = await read_deployment(state, caller, namespace, name)
    key = (deployment["metadata"]["namespace"], *service_of(deployment))
    right = Right("get", "services", "", key[0], f"{key[1]}:{key[2]}", "proxy")
    if refusal := await state.rights.refusal(caller, right):
        return JsonAnswer(_unavailable(_now(), refusal))

    async def scrape() -> dict[str, Any]:
        answer = await _scrape(caller.cluster, *key)
        if not answer["available"]:
            state.metrics.put(key, answer, seconds=FAILED_METRICS_SECONDS)
        return answer

    return JsonAnswer(await state.metrics.get(key, scrape))


async def _scrape(cluster: Cluster, namespace: str, service: str, port: int) -> dict[str, Any]:
    now = _now()
    path = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/metrics"
    try:
        answer = await cluster.open("GET", path, timeout=METRICS_TIMEOUT)
        async with answer:
            if answer.status >= 400:
                problem = (await _refused(answer)).message
                return _unavailable(
                    now, f"{service}:{port} shows no metrics (HTTP {answer.status}): {problem}"
                )
            text = (await read_at_most(answer, MAX_METRICS_BYTES)).decode(errors="replace")
    except (ApiError, TooLarge, aiohttp.ClientError, TimeoutError) as err:
        return _unavailable(now, f"the metrics of {service}:{port} cannot be read: {error_text(err)}")
    return {"available": True, "timestamp": now, "metrics": metrics_in(text)}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _unavailable(now: str, error: str) -> dict[str, Any]:
    return {"available": False, "timestamp": now, "metrics": [], "error": error}
