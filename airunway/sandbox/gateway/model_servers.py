"""Pretend model servers: one on loopback answers for every pod of the emulated cluster that is ready.

Pods have no network here, so they are reached as through a real API server's proxy:
`/api/v1/namespaces/<namespace>/pods/<name>:<port>/proxy/…`, and `services` in place of `pods`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from aiohttp import web

from airunway.sandbox.for_this_machine import for_this_machine
from airunway.sandbox.gateway import answers
from airunway.sandbox.operators.objects import Key, Object, is_ready

MAX_BODY_BYTES = 16 * 1024 * 1024
PROXY = "/api/v1/namespaces/{namespace}/{kind}/{name}:{port}/proxy"


class PretendModelServers:
    """Serves while the context is open. `pods`: all there are now; `service`: finds one by its key."""

    def __init__(self, pods: Callable[[], Iterable[Object]], service: Callable[[Key], Object | None]) -> None:
        self._pods, self._service = pods, service
        self._numbers = itertools.count(1)
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[for_this_machine], client_max_size=MAX_BODY_BYTES)
        proxy = PROXY.replace("{kind}", "{kind:pods|services}").replace("{port}", "{port:[0-9]+}")
        app.router.add_get(f"{proxy}/v1/models", self._models)
        app.router.add_post(f"{proxy}/v1/chat/completions", self._complete)
        app.router.add_post(f"{proxy}/v1/completions", self._complete)
        app.router.add_get(f"{proxy}/health", self._health)
        # A client that goes away ends its answer.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def service_url(self) -> str:
        """Where a Service answers, with `{namespace}`, `{service}` and `{port}` to be filled in."""
        return self.url + PROXY.replace("{kind}", "services").replace("{name}", "{service}")

    def pod_url(self, pod: Mapping[str, Any], port: int) -> str:
        """Where a port of a pod answers."""
        meta = pod["metadata"]
        return self.url + PROXY.format(namespace=meta["namespace"], kind="pods", name=meta["name"], port=port)

    # -- the answers --------------------------------------------------------------------------------------

    async def _health(self, request: web.Request) -> web.Response:
        self._pod(request)
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response(answers.model_list(answers.models_of(self._pod(request))))

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        pod, chat = self._pod(request), request.path.endswith("/chat/completions")
        try:
            asked = json.loads(await request.read())
            model = asked["model"]
        except (ValueError, RecursionError, KeyError, TypeError):
            words = "the body has to be a JSON object with the field `model`"
            return web.json_response(answers.error(words), status=400)
        if model not in answers.models_of(pod):
            return web.json_response(answers.unknown_model(str(model)), status=404)
        number = next(self._numbers)
        if not asked.get("stream"):
            return web.json_response(answers.completion(asked, chat=chat, number=number))
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for event in answers.events(asked, chat=chat, number=number):
            await response.write(event)
        return response

    # -- whose they are -----------------------------------------------------------------------------------

    def _pod(self, request: web.Request) -> Object:
        """The pod that is asked. Raises the refusal when none listens there."""
        info = request.match_info
        key, port = (info["namespace"], info["name"]), int(info["port"])
        if info["kind"] == "services":
            return self._behind(key, port)
        pod = next((one for one in self._ready(key[0]) if one["metadata"]["name"] == key[1]), None)
        if pod is None or not _listens(pod, port):
            raise _refused(f"no pod {key[0]}/{key[1]} listens at port {port}")
        return pod

    def _behind(self, key: Key, port: int) -> Object:
        spec = (self._service(key) or {}).get("spec") or {}
        entry = next((one for one in spec.get("ports") or [] if one["port"] == port), None)
        selector = (spec.get("selector") or {}).items()
        for pod in self._ready(key[0]) if entry and selector else ():
            labels = (pod["metadata"].get("labels") or {}).items()
            target = _number(pod, (entry or {}).get("targetPort") or port)
            if selector <= labels and _listens(pod, target):
                return pod
        raise _refused(f"no pod behind Service {key[0]}/{key[1]} is ready at port {port}")

    def _ready(self, namespace: str) -> list[Object]:
        return [pod for pod in self._pods() if pod["metadata"]["namespace"] == namespace and is_serving(pod)]


def is_serving(pod: Mapping[str, Any]) -> bool:
    """Whether requests may be sent to a pod."""
    return is_ready(pod) and "deletionTimestamp" not in pod["metadata"]


def _ports(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]


def _number(pod: Mapping[str, Any], target: int | str) -> int:
    """A target port by number or name; 0: the pod has none of the name."""
    if isinstance(target, int):
        return target
    return next((int(port["containerPort"]) for port in _ports(pod) if port.get("name") == target), 0)


def _listens(pod: Mapping[str, Any], port: int) -> bool:
    """Whether it says so, or says of no port."""
    return port > 0 and (not _ports(pod) or any(entry["containerPort"] == port for entry in _ports(pod)))


def _refused(words: str) -> web.HTTPException:
    text = json.dumps(answers.error(words, kind="server_error"))
    return web.HTTPBadGateway(text=text, content_type="application/json")
