"""`airunway private-pulls`: what nodes pull images of private models from. Each namespace gets its own only.

Stands before the reading side of the private registry (`airunway.modelimage.registry_config`), which has no
rights per repository, and lets a request through when its login is that of the namespace whose folder it is
about. Nothing is asked of anybody for that: a login is judged by the keys in one mounted Secret
(`airunway.modelimage.pull_access`), so replicas are alike, and one that is started again goes on.

It has no rights in the cluster and cannot write anywhere: it knows how to read from the registry, no more.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web
from yarl import URL

from airunway.api import names
from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.guarded_server import served
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.modelimage.pull_access import login_in, namespace_of_login, namespace_of_path
from airunway.modelimage.registry_login import LOGINS, RegistryLogin, login_to_use, logins_in
from airunway.workers.health import Ready
from airunway.workers.settings import Settings
from airunway.workers.starting import say_start

_log = structlog.get_logger(__name__)

LOGINS_FILE = Path("/etc/airunway-private-pulls") / LOGINS
MAX_AT_ONCE = 64
"""Requests of one namespace: who holds many open must not take the places of the others."""
CONNECT_TIMEOUT, SILENCE = timedelta(seconds=5), timedelta(minutes=2)
"""To the registry, and of it or a node while it sends. A layer as a whole may take hours."""

_CHUNK = 256 * 1024
_ASKED = ("Accept", "If-None-Match", "Range")
_ANSWERED = (
    *("Accept-Ranges", "Content-Length", "Content-Range", "Content-Type", "Docker-Content-Digest", "Etag"),
    "Docker-Distribution-Api-Version",
)
_PASSED_ON = (200, 206, 304, 404, 416)
"""What a registry says of what it has. It sends nowhere else, and letting us in is not the caller's care."""
_UNAVAILABLE = "the registry does not answer now; try again"


class PrivatePulls:
    """Serves one registry. `registry`: URL of its reading side; `logins`: the keys of now, newest first."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        registry: str,
        logins: Callable[[], Sequence[RegistryLogin]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session, self._registry, self._logins, self._clock = session, registry, logins, clock
        self._running: Counter[str] = Counter()

    def app(self) -> web.Application:
        """The application: every path comes to one place."""
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if request.method not in ("GET", "HEAD"):
            return _error(405, "UNSUPPORTED", "images are only read here")
        keys = await asyncio.to_thread(self._logins)
        namespace = namespace_of_login(login_in(request.headers.get("Authorization", "")), keys)
        if not namespace:
            return _error(401, "UNAUTHORIZED", "log in with the pull Secret of your namespace")
        if path in ("/v2", "/v2/"):
            return web.json_response({})
        # Before anything is looked up, so that nobody learns what others have.
        if namespace_of_path(path) != namespace:
            return _error(
                403, "DENIED", f"namespace {namespace} pulls images below private/{namespace}/ only"
            )
        key = login_to_use(keys, self._clock())
        if key is None:
            return _error(503, "UNAVAILABLE", _UNAVAILABLE)
        with self._place(namespace) as free:
            if not free:
                return _error(
                    429, "TOOMANYREQUESTS", f"namespace {namespace} pulls {MAX_AT_ONCE} things at once"
                )
            return await self._pass_on(request, path, RegistryCredentials(key.user, key.password))

    @contextmanager
    def _place(self, namespace: str) -> Iterator[bool]:
        """Whether a namespace has a place left, which is taken meanwhile."""
        free = self._running[namespace] < MAX_AT_ONCE
        self._running[namespace] += 1
        try:
            yield free
        finally:
            self._running[namespace] -= 1
            self._running += Counter()  # forgets who has none

    async def _pass_on(
        self, request: web.Request, path: str, login: RegistryCredentials
    ) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        headers["Authorization"] = login.header
        try:
            async with self._session.request(
                request.method,
                URL(f"{self._registry}{path}", encoded=True),
                headers=headers,
                allow_redirects=False,
            ) as found:
                if found.status not in _PASSED_ON:
                    _log.warning("the private registry refuses", status=found.status)
                    return _error(503, "UNAVAILABLE", _UNAVAILABLE)
                return await _streamed(request, found)
        except (aiohttp.ClientConnectionError, TimeoutError) as err:
            _log.warning("the private registry does not answer", error=type(err).__name__)
            return _error(503, "UNAVAILABLE", _UNAVAILABLE)


async def _streamed(request: web.Request, found: aiohttp.ClientResponse) -> web.StreamResponse:
    """The registry's answer. What breaks off in the middle breaks the connection: its length was said."""
    kept = {name: found.headers[name] for name in _ANSWERED if name in found.headers}
    answer = web.StreamResponse(status=found.status, headers=kept)
    await answer.prepare(request)
    try:
        async for chunk in found.content.iter_chunked(_CHUNK):
            async with asyncio.timeout(SILENCE.total_seconds()):  # who reads nothing holds a place
                await answer.write(chunk)
    except (aiohttp.ClientError, TimeoutError):
        if request.transport is not None:
            request.transport.close()
        return answer
    await answer.write_eof()
    return answer


def _error(status: int, code: str, message: str) -> web.Response:
    """An error as registries say it."""
    headers = {"WWW-Authenticate": 'Basic realm="airunway-private"'} if status == 401 else {}
    if status in (429, 503):
        headers["Retry-After"] = "5"
    text = json.dumps({"errors": [{"code": code, "message": message}]})
    answer = web.Response(status=status, text=text, content_type="application/json", headers=headers)
    if status == 401:
        answer.force_close()  # else whoever asks again in time keeps as many connections as they like
    return answer


def logins_of_file(file: Path) -> Callable[[], Sequence[RegistryLogin]]:
    """The keys in a mounted Secret, as they are when they are asked for; none while it is empty."""

    def read() -> Sequence[RegistryLogin]:
        try:
            return logins_in({LOGINS: file.read_bytes()})
        except OSError:
            return []

    return read


@asynccontextmanager
async def serving(
    *,
    registry: str,
    logins: Callable[[], Sequence[RegistryLogin]],
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[int]:
    """Serve; yields the port, which is a free one for 0."""
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_TIMEOUT.total_seconds(), sock_read=SILENCE.total_seconds()
    )
    connector = aiohttp.TCPConnector(limit=0)  # limited for each namespace
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, trust_env=False
    ) as session:
        pulls = PrivatePulls(session, registry=registry, logins=logins, clock=clock)
        async with served(pulls.app(), host=host, port=port, limits=limits) as taken:
            yield taken


async def run_private_pulls(settings: Settings, ready: Ready) -> None:
    """Serve until cancelled, in the cluster."""
    registry = f"http://{names.REGISTRY}.{settings.image_namespace}.svc:{names.REGISTRY_PRIVATE_READS_PORT}"
    logins = logins_of_file(LOGINS_FILE)
    say_start("private-pulls", settings, temporal=False)
    async with serving(
        registry=registry, logins=logins, host=settings.listens_on, port=names.PRIVATE_PULLS_PORT
    ):
        ready.parts["private pulls"] = True
        await asyncio.Event().wait()
