"""Pretend model servers: one on loopback answers for every pod of the emulated cluster that is ready.

Pods have no network here. The emulated API server's proxy is told by `where` at which port of loopback this
one listens for a pod: a port of its own for each, opened when it is first asked for. The pretend gateway
reaches them by paths as of that proxy: `/api/v1/namespaces/<namespace>/pods/<name>:<port>/proxy/…`, and
`services` in place of `pods`.
"""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from aiohttp import web

from airunway.sandbox.for_this_machine import for_this_machine
from airunway.sandbox.operators.objects import Key, Object, is_ready
from airunway.sandbox.serving import answers, further_answers, metrics
from airunway.sandbox.serving.names import models_of
from kube_emulator import PodLogs

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_PORTS = 128
"""How many pods may have a port at a time; the one that was asked for longest ago gives way."""
PROXY = "/api/v1/namespaces/{namespace}/{kind}/{name}:{port}/proxy"


@dataclass(frozen=True)
class AnswerShape:
    """What is answered at a path: as a whole, and in events where it can be streamed."""

    whole: Callable[..., answers.Json]
    events: Callable[..., Iterator[bytes]] | None = None


SHAPES: Mapping[str, AnswerShape] = {
    "chat/completions": AnswerShape(
        partial(answers.completion, chat=True), partial(answers.events, chat=True)
    ),
    "completions": AnswerShape(partial(answers.completion, chat=False), partial(answers.events, chat=False)),
    "responses": AnswerShape(further_answers.response, further_answers.response_events),
    "embeddings": AnswerShape(further_answers.embeddings),
}
"""By what comes behind `/v1/`."""


class PretendModelServers:
    """Serves while the context is open.

    `pods`: all there are now; `service`: finds one by its key. Both are asked for paths of the proxy only.
    `logs`: where the servers of pods write a line about each request.
    """

    def __init__(
        self,
        pods: Callable[[], Iterable[Object]] = tuple,
        service: Callable[[Key], Object | None] = lambda _: None,
        *,
        logs: PodLogs | None = None,
    ) -> None:
        self._pods, self._service, self._logs = pods, service, logs
        self._numbers = itertools.count(1)
        self._sites: OrderedDict[str, tuple[web.TCPSite, int]] = OrderedDict()  # by uid of a pod
        self._at: dict[int, Object] = {}  # the pod that answers at a port
        self._counted: dict[str, metrics.ServedRequests] = {}
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[for_this_machine], client_max_size=MAX_BODY_BYTES)
        proxy = PROXY.replace("{kind}", "{kind:pods|services}").replace("{port}", "{port:[0-9]+}")
        for prefix in (proxy, ""):
            app.router.add_get(f"{prefix}/v1/models", self._models)
            for path in SHAPES:
                app.router.add_post(f"{prefix}/v1/{path}", self._complete)
            app.router.add_get(f"{prefix}/health", self._health)
            app.router.add_get(f"{prefix}/metrics", self._metrics)
        # A client that goes away ends its answer.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        self.url = f"http://127.0.0.1:{(await self._listen())[1]}"
        return self

    async def _listen(self) -> tuple[web.TCPSite, int]:
        assert self._runner is not None
        before = {address[1] for address in self._runner.addresses}
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return site, next(address[1] for address in self._runner.addresses if address[1] not in before)

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

    async def where(self, pod: Object, port: int) -> tuple[str, int] | None:
        """Where a port of a pod is served; None when it does not listen there, or is not ready."""
        if not is_serving(pod) or not _listens(pod, port):
            return None
        uid = pod["metadata"]["uid"]
        if uid not in self._sites:
            if len(self._sites) >= MAX_PORTS:
                left, (site, number) = self._sites.popitem(last=False)
                await site.stop()
                self._at.pop(number, None)
                self._counted.pop(left, None)
            self._sites[uid] = await self._listen()
        self._sites.move_to_end(uid)
        number = self._sites[uid][1]
        self._at[number] = pod
        return "127.0.0.1", number

    # -- the answers --------------------------------------------------------------------------------------

    async def _health(self, request: web.Request) -> web.Response:
        self._pod(request)
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response(answers.model_list(models_of(self._pod(request))))

    async def _metrics(self, request: web.Request) -> web.Response:
        pod = self._pod(request)
        return web.Response(text=metrics.text(pod, self._of(pod)), content_type="text/plain")

    def _of(self, pod: Object) -> metrics.ServedRequests:
        return self._counted.setdefault(pod["metadata"]["uid"], metrics.ServedRequests())

    def _note(self, request: web.Request, pod: Object, status: int) -> None:
        """A line in the log of whoever answered."""
        if self._logs is not None:
            path = "/v1" + request.path.rpartition("/v1")[2]
            line = f'INFO:     127.0.0.1:0 - "{request.method} {path} HTTP/1.1" {status}'
            name = pod["spec"]["containers"][0]["name"]
            self._logs.write(pod["metadata"]["uid"], name, line, at=datetime.now(UTC))

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        pod, shape = self._pod(request), SHAPES[request.path.rpartition("/v1/")[2]]
        try:
            asked = json.loads(await request.read())
            model = asked["model"]
        except (ValueError, RecursionError, KeyError, TypeError):
            words = "the body has to be a JSON object with the field `model`"
            return web.json_response(answers.error(words), status=400)
        if model not in models_of(pod):
            self._note(request, pod, 404)
            return web.json_response(answers.unknown_model(str(model)), status=404)
        number = next(self._numbers)
        self._note(request, pod, 200)
        said = answers.last_message(asked)
        generated = len(answers.words_of(str(model), said)) if shape.events else 0
        self._of(pod).add(prompt=len(said.split()), generated=generated)
        if shape.events is None or not asked.get("stream"):
            return web.json_response(shape.whole(asked, number=number))
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for event in shape.events(asked, number=number):
            await response.write(event)
        return response

    # -- whose they are -----------------------------------------------------------------------------------

    def _pod(self, request: web.Request) -> Object:
        """The pod that is asked. Raises the refusal when none listens there."""
        info = request.match_info
        if "kind" not in info:
            return self._here(request)
        key, port = (info["namespace"], info["name"]), int(info["port"])
        if info["kind"] == "services":
            return self._behind(key, port)
        pod = next((one for one in self._ready(key[0]) if one["metadata"]["name"] == key[1]), None)
        if pod is None or not _listens(pod, port):
            raise _refused(f"no pod {key[0]}/{key[1]} listens at port {port}")
        return pod

    def _here(self, request: web.Request) -> Object:
        """The pod whose port a request came in at."""
        name = request.transport.get_extra_info("sockname") if request.transport else None
        pod = self._at.get(name[1]) if name else None
        if pod is None:
            raise _refused("no pod listens at this port")
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
