"""The emulated cluster: an API server in this process, over plain HTTP on loopback.

Clients reach it as they reach any cluster, through a kubeconfig; there is no other way in, so what works here
went through the same client code as against a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from . import documents, proxying, rbac, tables, warnings
from .answers import Answer, Form, Resources
from .collector import Collector
from .crds import CustomKinds
from .deletion import Deleter
from .errors import NoSuchGroup, StatusError, internal, not_from_here, too_large
from .faults import Faults
from .kinds import Kind, Registry
from .local_hosts import comes_from_here
from .pod_streams import SUBRESOURCES, PodStreams
from .proxying import Proxy
from .requests import APPLY_PATCH, Request, target_of
from .snapshot import Snapshot
from .store import Store, Version, encode_json
from .users import ADMINISTRATOR, User, Users, impersonated
from .watching import Watch
from .writes import Writer

_SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_STOP_GRACE = 1.0  # seconds for answers under way when the server stops
_log = logging.getLogger(__name__)
_MAX_BODY_BYTES = 3 * 1024 * 1024  # bytes; as the real server's
_HEALTH = {"/healthz", "/livez", "/readyz"}


class EmulatedCluster:
    """A Kubernetes API server for tests of controllers."""

    def __init__(
        self,
        *,
        namespaces: Iterable[str] = (),
        state_dir: Path | None = None,
        window: int = 1000,
        bookmark_every: timedelta = timedelta(seconds=60),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`namespaces` exist from the start, besides the system's; `state_dir` keeps objects over a restart;
        `window` is how many changes of a kind watches can go back.
        """
        self.faults = Faults()
        self._store = Store(window=window)
        self._kinds = Registry()
        self._writer = Writer(self._store, now)
        self._deleter = Deleter(self._store, self._writer)
        self._collector = Collector(self._store, self._kinds, self._deleter)
        self._custom = CustomKinds(self._store, self._kinds, self._writer)
        self.users = Users(now)
        self._resources = Resources(self._store, self._writer, self._deleter, self.users)
        self.proxy = Proxy(self._store)
        self._streams = PodStreams(self._store, self.proxy, now)
        self.logs = self._streams.logs
        self._snapshot = Snapshot(self._store, state_dir) if state_dir else None
        self._namespaces = (*_SYSTEM_NAMESPACES, *namespaces)
        self._bookmark_every = bookmark_every.total_seconds()
        self._runner: web.ServerRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._watches: set[Watch] = set()
        self.port = 0
        self._connect_hooks()

    def _connect_hooks(self) -> None:
        self._writer.before_store.append(self._custom.before_store)
        self._writer.after_store += [self._custom.after_store, self._collector.stored]
        removed = [self._custom.removed, self._collector.removed, self._forget]
        self._writer.removed += removed
        self._deleter.removed += removed
        self._deleter.marked.append(self._collector.marked)
        self.faults.connect(self._end_watches, self._close_connections)

    def _forget(self, kind: Kind, obj: dict[str, Any]) -> None:
        if kind.storage == ("", "pods"):
            self.logs.forget(obj["metadata"]["uid"])
        if kind.storage == ("", "serviceaccounts"):
            self.users.forget(obj["metadata"]["uid"])

    # --- life -----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Starts listening on loopback; port 0 takes a free one."""
        if self._snapshot is not None and self._snapshot.load():
            self._custom.load()
            self._collector.resume()
        self._create_namespaces()
        server = web.Server(self._handle, request_factory=_request, access_log=None)
        self._runner = web.ServerRunner(server, handler_cancellation=True, shutdown_timeout=_STOP_GRACE)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._tasks.append(asyncio.create_task(self._collector.run(), name="cluster-collector"))
        if self._snapshot is not None:
            self._tasks.append(asyncio.create_task(self._snapshot.run(), name="cluster-snapshot"))

    async def stop(self) -> None:
        """Stops listening, ends all watches, and saves what is to be kept."""
        self._end_watches(expired=False)
        self.logs.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.proxy.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._snapshot is not None:
            self._snapshot.save()

    def kubeconfig(self, path: Path | str) -> Path:
        """Writes a kubeconfig for this cluster and returns its path."""
        name = "emulated"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            # Some clients, Node's among them, want to be told that plain HTTP is meant.
            "clusters": [{"name": name, "cluster": {"server": self.url, "insecure-skip-tls-verify": True}}],
            "users": [{"name": name, "user": {}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            "current-context": name,
        }
        target = Path(path)
        target.touch(mode=0o600)
        target.chmod(0o600)
        target.write_text(yaml.safe_dump(config))
        return target

    async def __aenter__(self) -> EmulatedCluster:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _create_namespaces(self) -> None:
        kind = self._kinds.find("", "v1", "namespaces")
        assert kind is not None
        for name in self._namespaces:
            if self._store.table(kind.storage).get("", name) is None:
                body = encode_json({"metadata": {"name": name}}).encode()
                query = {"fieldManager": "kube-apiserver"}
                self._writer.create(Request("POST", kind, "", "", "", query, {}, body, []))

    # --- requests -------------------------------------------------------------------------------------------

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        if self.faults.refusing:
            _close(http)
            return web.Response(status=503)
        if not comes_from_here(http.headers):
            return _failure(not_from_here(), http)
        try:
            await self.faults.strike(http.method, http.path_qs)
            return await self._answer(http)
        except NoSuchGroup:
            return web.Response(status=404, text="404 page not found\n")
        except StatusError as error:
            return _failure(error, http)
        except web.HTTPRequestEntityTooLarge:
            return _failure(too_large(_MAX_BODY_BYTES), http)
        except Exception:  # a fault of ours must reach the client as a failure, not as a lost connection
            _log.exception("%s %s", http.method, http.path_qs)
            return _failure(internal("the emulated cluster failed; its log says how"), http)

    async def _answer(self, http: web.BaseRequest) -> web.StreamResponse:
        path = http.path.rstrip("/") or "/"
        if path in _HEALTH or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return web.Response(text="ok")
        user = self._admitted(http)
        if (reached := proxying.target_of(http.rel_url.raw_path)) is not None:
            return await self.proxy.pass_on(http, reached)
        if http.method == "GET":
            address, accept = f"127.0.0.1:{self.port}", http.headers.get("Accept", "")
            if (document := documents.find(self._kinds, path, accept, address)) is not None:
                return _response(document, http)
        target = target_of(path, self._kinds)
        body = await http.read()
        request = Request(
            http.method,
            target.kind,
            target.namespace,
            target.name,
            target.subresource,
            http.query,
            http.headers,
            body,
            [target.kind.deprecation],
            user,
        )
        if target.kind.storage == ("", "pods") and target.subresource in SUBRESOURCES:
            return await self._streams.answer(http, request)
        try:
            self._check_creation(request)
            if http.method == "GET" and not target.subresource and request.flag("watch"):
                return await self._watch(http, request)
            answer = self._resources.answer(request)
        except StatusError as error:
            return _failure(error, http, request.warnings)
        return _response(answer, http, request.warnings)

    def _admitted(self, http: web.BaseRequest) -> User:
        """Who asks, if they may. Raises 401 or 403."""
        user = self.users.of_request(http.headers)
        if (other := impersonated(http.headers)) is not None:
            rbac.require_impersonation(self._store, user, other)
            user = other
        if user is not ADMINISTRATOR:
            rbac.require(self._store, user, rbac.deed_of(http.method, http.path, http.query))
        return user

    def _check_creation(self, request: Request) -> None:
        """An apply or a PUT that makes an object needs the right to create it as well."""
        applies = request.method == "PATCH" and request.media_type == APPLY_PATCH
        replaces = request.method == "PUT" and request.kind.put_creates
        if request.user.may_everything or not (applies or replaces) or request.subresource:
            return
        kind = request.kind
        if self._store.table(kind.storage).get(request.namespace, request.name) is None:
            made = rbac.Deed("create", kind.group, kind.plural, "", request.namespace, request.name)
            rbac.require(self._store, request.user, made)

    # --- watches --------------------------------------------------------------------------------------------

    async def _watch(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        form = Form.accepted(http.headers.get("Accept", ""))
        watch = Watch(
            self._store, request, bookmark_every=self._bookmark_every, encode=_encoder(form, request)
        )
        media = "application/json" + (f";as={form.name};v=v1;g=meta.k8s.io" if form.name else "")
        response = web.StreamResponse(headers={"Content-Type": media, "Cache-Control": "no-cache, private"})
        for warning in warnings.headers(request.warnings):
            response.headers.add("Warning", warning)
        self._watches.add(watch)
        try:
            await response.prepare(http)
            async with contextlib.aclosing(watch.lines()) as lines:
                async for chunk in lines:
                    await response.write(chunk)
            await response.write_eof()
        except ConnectionError:
            pass  # the client went away
        finally:
            self._watches.discard(watch)
        return response

    def _end_watches(self, *, expired: bool) -> None:
        for watch in list(self._watches):
            if expired:
                watch.expire()
            else:
                watch.close()

    def _close_connections(self) -> None:
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()


def _encoder(form: Form, request: Request) -> Callable[[str, Version, int], bytes] | None:
    """Makes the lines of a watch as tables; None for plain objects."""
    if not form.name:
        return None
    first = True

    def encode(event: str, version: Version, rv: int) -> bytes:
        nonlocal first
        include = request.query.get("includeObject", "")
        metadata = {"resourceVersion": str(rv)}
        obj = tables.table(request.kind, [version], metadata, include=include, headers=first)
        first = False
        return encode_json({"type": event, "object": obj}).encode() + b"\n"

    return encode


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """A request whose body may be as large as a real server takes; aiohttp's own limit is a third of it."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MAX_BODY_BYTES)


def _close(http: web.BaseRequest) -> None:
    if http.transport is not None:
        http.transport.abort()


def _failure(error: StatusError, http: web.BaseRequest, told: Iterable[str] = ()) -> web.Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    return _response(Answer(error.code, encode_json(error.body()).encode(), headers), http, told)


def _response(answer: Answer, http: web.BaseRequest, told: Iterable[str] = ()) -> web.Response:
    body, content_type = answer.body, "application/json"
    if http.headers.get("Accept", "").startswith("application/yaml"):
        body, content_type = yaml.safe_dump(json.loads(body)).encode(), "application/yaml"
    response = web.Response(status=answer.code, body=body)
    response.headers["Content-Type"] = content_type
    response.headers["Cache-Control"] = "no-cache, private"
    for name, value in answer.headers.items():
        response.headers[name] = value
    for warning in warnings.headers(told):
        response.headers.add("Warning", warning)
    return response
