"""The pretend gateway itself: requests go by the model that their body names to a pod that serves it.

As with a real one: the body-based router puts the body's `model` into a header, an HTTPRoute that matches the
header names a pool, and of its pods one is picked. Answers are passed on as they come.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from airunway.sandbox.for_this_machine import for_this_machine
from airunway.sandbox.gateway import attachment
from airunway.sandbox.gateway.state import RoutingState
from airunway.sandbox.operators.objects import Key
from airunway.sandbox.serving import answers
from airunway.sandbox.serving.model_servers import MAX_BODY_BYTES, PretendModelServers

MODEL_HEADER = "X-Gateway-Model-Name"
_OF_ONE_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "content-length", "expect"),
    }
)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class NoWay(Exception):
    """A request cannot be passed on: the status and the body that say so."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(body["error"]["message"])
        self.status, self.body = status, body


class ForwardingServer:
    """Listens at a port of loopback while the context is open."""

    def __init__(self, state: RoutingState, servers: PretendModelServers) -> None:
        self._state, self._servers = state, servers
        self._turn = itertools.count()
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[for_this_machine], client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), trust_env=False, auto_decompress=False
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._state.port).start()
        self._state.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = routed_headers(request.headers, body)
        response = web.StreamResponse()
        try:
            route, rule = self._way(request, headers)
            url = URL(self._target(route, rule) + request.raw_path, encoded=True)
            async with asyncio.timeout(seconds_of((rule.get("timeouts") or {}).get("request"))):
                return await self._pass_on(request, response, url, headers, body)
        except NoWay as err:
            return web.json_response(err.body, status=err.status)
        except (aiohttp.ClientError, TimeoutError) as err:
            if response.prepared:
                raise  # what was begun can only be broken off
            late = isinstance(err, TimeoutError)
            words = "the model server took too long" if late else "the model server cannot be reached"
            return web.json_response(answers.error(words, kind="server_error"), status=504 if late else 502)

    async def _pass_on(
        self,
        request: web.Request,
        response: web.StreamResponse,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
    ) -> web.StreamResponse:
        assert self._session is not None
        async with self._session.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            response.set_status(answer.status)
            response.headers.extend(_end_to_end(answer.headers))
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
        return response

    def _way(
        self, request: web.Request, headers: Mapping[str, str]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The route and rule of a request. Raises NoWay."""
        host = request.host.rsplit(":", 1)[0]
        routes = [
            route for route in self._state.attached() if host in (route["spec"].get("hostnames") or [host])
        ]
        way = attachment.rule_for(routes, method=request.method, path=request.path, headers=headers)
        if way is not None:
            return way
        model = headers.get(MODEL_HEADER, "")
        if model:
            raise NoWay(404, answers.unknown_model(model))
        words = f"no route is for {request.method} {request.path}; the field `model` of the body chooses one"
        raise NoWay(404, answers.error(words, code="route_not_found"))

    def _target(self, route: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
        """Where the next request of a rule goes. Raises NoWay."""
        grants = list(self._state.grants)
        backends = [
            (ref, key)
            for ref, key in attachment.backends_of_rule(route, rule)
            if ref.get("weight", 1) > 0 and attachment.is_permitted(route, ref, key, grants)
        ]
        if not backends:
            raise _unavailable("the route leads to nothing")
        ref, key = backends[next(self._turn) % len(backends)]
        if ref.get("kind", "Service") == "Service":
            return self._servers.service_url.format(
                namespace=key[0], service=key[1], port=int(ref.get("port") or 80)
            )
        return self._endpoint(key)

    def _endpoint(self, key: Key) -> str:
        """One of a pool's pods after the other; real pickers go by load."""
        pool, name = self._state.pools.get(key), f"InferencePool {key[0]}/{key[1]}"
        if pool is None:
            raise _unavailable(f"{name} is not there")
        if not self._state.may_serve(pool):
            raise _unavailable(f"the endpoint picker of {name} is not ready")
        pods = self._state.endpoints(pool)
        if not pods:
            raise _unavailable(f"{name} has no pod that is ready")
        pod = pods[next(self._turn) % len(pods)]
        return self._servers.pod_url(pod, int(pool["spec"]["targetPorts"][0]["number"]))


def routed_headers(given: Mapping[str, str], body: bytes) -> CIMultiDict[str]:
    """What is passed on of a request's headers, with that of the body-based router."""
    headers = CIMultiDict(_end_to_end(given))
    try:
        asked = json.loads(body) if body else None
    except (ValueError, RecursionError):
        asked = None
    model = asked.get("model") if isinstance(asked, dict) else None
    if isinstance(model, str) and model.isprintable() and model.isascii():
        headers[MODEL_HEADER] = model
    return headers


def seconds_of(duration: str | None) -> float | None:
    """A duration of Gateway API, e.g. `1m30s`; None: no limit."""
    parts = re.findall(r"(\d+)(h|ms|m|s)", duration or "")
    return sum(int(number) * _UNITS[unit] for number, unit in parts) or None


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _OF_ONE_HOP)


def _unavailable(words: str) -> NoWay:
    return NoWay(503, answers.error(words, kind="server_error"))
