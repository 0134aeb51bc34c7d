"""Chat with a model that serves, through the API server with the caller's token (web-api.md §6.6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import aiohttp
from fastapi import APIRouter, Path, Request
from starlette.responses import Response, StreamingResponse

from airunway.clients.errors import ApiError, error_text
from airunway.clients.http import read_beginning
from airunway.clients.kubernetes import Object
from airunway.web.derive.bodies import NAMESPACE_PATTERN
from airunway.web.errors import WebError, error_answer, misfit_answer
from airunway.web.identity import Caller
from airunway.web.routes.common import Name, NamespaceQuery, read_deployment, service_of, status_answer
from airunway.web.routes.routed_chat import ask_gateway, is_without_service, routed_url
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(prefix="/api/deployments", tags=["serving"])

MODELS_SECONDS = 1.0
MAX_MODELS_BYTES = 256 * 1024
CHAT_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=250)
PASSED_ON = frozenset({400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 500, 501, 502, 503, 504})
STREAM_HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}


@router.post("/{name}/chat")
async def chat(
    request: Request, state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None
) -> Response:
    """Ask the model, in the default namespace or the one of the query."""
    return await _chat(request, state, caller, namespace, name)


@router.post("/{namespace}/{name}/chat")
async def chat_in(
    request: Request,
    state: State,
    caller: SignedIn,
    namespace: Annotated[str, Path(pattern=NAMESPACE_PATTERN, max_length=63)],
    name: Name,
) -> Response:
    """The same, with the namespace in the path."""
    return await _chat(request, state, caller, namespace, name)


async def _chat(
    request: Request, state: WebState, caller: Caller, namespace: str | None, name: str
) -> Response:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as err:
        raise WebError(400, "Malformed JSON in request body") from err
    issues = _issues(body)
    if issues:
        return misfit_answer(issues)
    deployment = await read_deployment(state, caller, namespace, name)
    shown = status_answer(state, deployment)
    if shown["phase"] != "Running":
        why = f": {shown['message']}" if shown.get("message") else ""
        raise WebError(409, f"deployment {name} does not serve; its phase is {shown['phase']}{why}")
    base = service_path(deployment)
    sent = {**body, "stream": True}
    sent["model"] = body.get("model") or await _model_name(caller, deployment, shown, base)
    try:
        answer = await caller.cluster.open(
            "POST", f"{base}/v1/chat/completions", body=sent, timeout=CHAT_TIMEOUT
        )
    except ApiError as err:
        return error_answer(502, f"the model server cannot be reached: {error_text(err)}"[:500])
    if answer.status < 400:
        return StreamingResponse(_bytes_of(answer), media_type="text/event-stream", headers=STREAM_HEADERS)
    async with answer:
        data = await read_beginning(answer, 64 * 1024)
    if is_without_service(answer.status, data):
        routed = await _routed(state, deployment, sent)
        if routed is not None:
            return routed
    return _failure(answer.status, data)


async def _routed(state: WebState, deployment: Object, sent: dict[str, Any]) -> Response | None:
    """The answer of the deployment's Gateway; None where it has none that is a Gateway of this cluster."""
    try:
        url = await routed_url(state.cluster, deployment)
    except ApiError:
        return None
    if not url:
        return None
    told = (deployment.get("status") or {}).get("gateway") or {}
    model = str(told.get("modelName") or sent["model"])
    try:
        found = await ask_gateway(url, sent, model=model, limits=CHAT_TIMEOUT)
    except (aiohttp.ClientError, TimeoutError) as err:
        return error_answer(502, f"the Gateway cannot be reached: {error_text(err)}"[:500])
    if found.answer.status < 300:
        return StreamingResponse(
            _bytes_of(found.answer, found.close), media_type="text/event-stream", headers=STREAM_HEADERS
        )
    data = await read_beginning(found.answer, 64 * 1024)
    await found.close()
    return _failure(found.answer.status, data)


def _issues(body: Any) -> list[dict[str, Any]]:
    """What is wrong with a request; what else stands in it is the server's matter."""
    if not isinstance(body, dict):
        return [{"code": "invalid_type", "path": [], "message": "Expected object"}]
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return [{"code": "too_small", "path": ["messages"], "message": "messages: at least one is required"}]
    return [
        {"code": "invalid_type", "path": ["messages", number], "message": "role and content are required"}
        for number, entry in enumerate(messages)
        if not isinstance(entry, dict) or not isinstance(entry.get("role"), str) or "content" not in entry
    ]


def service_path(deployment: Object) -> str:
    """Where the API server passes requests on to the deployment's Service."""
    service, port = service_of(deployment)
    return f"/api/v1/namespaces/{deployment['metadata']['namespace']}/services/{service}:{port}/proxy"


async def _model_name(caller: Caller, deployment: Object, shown: dict[str, Any], base: str) -> str:
    """What the server calls its model: as asked for, else as it says itself, else the model's id."""
    is_kaitos_own = shown["provider"] == "kaito" and shown.get("engine") == "llamacpp"
    if shown.get("servedModelName") and not is_kaitos_own:
        return str(shown["servedModelName"])
    fallback = str(shown.get("modelId") or deployment["metadata"]["name"])
    try:
        async with asyncio.timeout(MODELS_SECONDS):
            answer = await caller.cluster.open("GET", f"{base}/v1/models", timeout=CHAT_TIMEOUT)
            async with answer:
                listed = json.loads(await read_beginning(answer, MAX_MODELS_BYTES))
        return str(listed["data"][0]["id"])
    except (ApiError, aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError, RecursionError):
        return fallback


async def _bytes_of(
    answer: aiohttp.ClientResponse, close: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[bytes]:
    try:
        async for part in answer.content.iter_any():
            yield part
    except (aiohttp.ClientError, TimeoutError) as err:
        said = {"error": {"message": f"the answer broke off: {error_text(err)}"}}
        yield f"data: {json.dumps(said)}\n\n".encode()
    finally:
        answer.close()
        if close is not None:
            await close()


def _failure(status: int, data: bytes) -> Response:
    kept = status if status in PASSED_ON else 502
    text = "".join(char for char in data.decode(errors="replace") if char.isprintable() or char in "\n\t")
    message = ""
    try:
        told = json.loads(data)
        error = told.get("error")
        found = error.get("message") if isinstance(error, dict) else error or told.get("message")
        message = str(found or "")
    except (ValueError, AttributeError, RecursionError):
        pass
    shown: dict[str, Any] = {}
    if text.strip() and "<html" not in text.lower():
        shown["details"] = text.strip()[:1000]
    words = message or f"the model server answered HTTP {status}"
    return error_answer(kept, words[:500], **shown)
