"""What the API server passes on to a pod: questions for its logs, and connections to its ports."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from . import pod_log, port_forwarding, rbac, reaching, spdy_forwarding
from .errors import bad_request, method_not_allowed
from .logs import PodLogs
from .pod_log import LogOptions
from .proxying import Proxy
from .rbac import Deed
from .requests import Request
from .store import Store

Obj = dict[str, Any]
SUBRESOURCES = frozenset({"log", "exec", "attach", "portforward"})


class PodStreams:
    """Answers `log`, `portforward`, `exec` and `attach` of pods."""

    def __init__(self, store: Store, proxy: Proxy, now: Callable[[], datetime]) -> None:
        self._store, self._proxy, self._now = store, proxy, now
        self.logs = PodLogs(now)

    async def answer(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Raises StatusError with what a real server or kubelet refuses."""
        if request.method not in (("GET",) if request.subresource == "log" else ("GET", "POST")):
            raise method_not_allowed()
        if request.subresource == "log":
            return await self._log(http, request)
        may = Deed("create", "", "pods", request.subresource, request.namespace, request.name)
        rbac.require(self._store, request.user, may)  # a WebSocket is opened by GET, yet changes much
        pod = reaching.pod_named(self._store, request.namespace, request.name)
        if request.subresource != "portforward" or not pod["spec"].get("nodeName"):
            raise pod_log.no_container(pod)
        return await self._forward(http, pod)

    async def _forward(self, http: web.BaseRequest, pod: Obj) -> web.StreamResponse:
        upgrade = http.headers.get("Upgrade", "").lower()
        if upgrade == spdy_forwarding.UPGRADE.lower():
            return await spdy_forwarding.forward(http, pod, self._proxy.where)
        if upgrade != "websocket":
            raise bad_request("Upgrade request required")
        if spdy_forwarding.TUNNELLED in http.headers.get("Sec-WebSocket-Protocol", ""):
            return await spdy_forwarding.forward_tunnelled(http, pod, self._proxy.where)
        ports = port_forwarding.ports_of(http.query.getall("ports", ()))
        return await port_forwarding.forward(http, pod, ports, self._proxy.where)

    async def _log(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        options = LogOptions.of(request, self._now())
        pod = reaching.pod_named(self._store, request.namespace, request.name)
        container = pod_log.container_of(pod, options.container)
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)  # as a real server says that there are no lines yet
        log = pod_log.log_of(self.logs, pod, container, previous=options.previous)
        live = not options.previous and pod_log.is_running(pod, container)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(http)
        with contextlib.suppress(ConnectionError):  # the client went away
            async with contextlib.aclosing(pod_log.lines(log, options, live=live)) as lines:
                async for line in lines:
                    await response.write(line)
            await response.write_eof()
        return response
