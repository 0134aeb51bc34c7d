"""The web process: follows the cluster and serves, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import structlog
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client

from airunway.clients.connection_guard import (
    ConnectionGuard,
    ConnectionLimits,
    GuardedListener,
    listeners,
)
from airunway.clients.kubernetes import Cluster
from airunway.operations.errors import NotDelivered
from airunway.web.app import create_app
from airunway.web.connections import GuardedApp
from airunway.web.fleet import LiveFleet
from airunway.web.state import USER_AGENT, web_state
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.health import Ready
from airunway.workers.settings import Settings
from airunway.workers.starting import say_start
from airunway.workers.temporal.connection import connect, follow_credentials
from airunway.workers.temporal.identity import process_identity
from airunway.workers.temporal.target import target_of
from airunway.workers.temporal_outage import keep_asking, temporal_outage
from airunway.workers.web_settings import is_loopback

_log = structlog.get_logger(__name__)

GRACE_SECONDS = 5
"""For answers under way when the process is told to stop."""
IDLE_SECONDS = 255
"""Of a kept connection, as of the reference's server."""
LIMITS = ConnectionLimits(idle_within=timedelta(seconds=IDLE_SECONDS))


async def run_web(settings: Settings, ready: Ready | None = None) -> None:
    """Serve until cancelled. Raises OSError when the port is taken."""
    ready = ready or Ready()
    ready.parts["web"] = False
    if not settings.web_signs_in and not is_loopback(settings.web_address):
        _log.warning(
            "nobody has to sign in (AIRUNWAY_WEB_AUTH=false): whoever reaches this address has the rights of "
            "this process",
            address=settings.web_address,
        )
    async with await Cluster.connect(
        settings.kubeconfig, context=settings.context, user_agent=USER_AGENT
    ) as cluster:
        settings = await with_cluster_name(settings, cluster, patient=True)
        async with (
            TemporalLink(settings).opened() as link,
            web_state(settings, cluster, find_temporal=link.client) as state,
        ):
            with listening(settings) as place:
                host, port = place.getsockname()[:2]
                say_start("web", settings)
                _log.info("web listens", address=f"http://{_in_url(host)}:{port}")
                ready.parts["web"] = True
                giving_back = asyncio.create_task(give_back_when_listed(state.fleet))
                try:
                    await serve(create_app(state), place, on_stop=state.fleet.tell_no_more)
                finally:
                    giving_back.cancel()
                    await asyncio.gather(giving_back, return_exceptions=True)


async def give_back_when_listed(fleet: LiveFleet) -> None:
    """Give back to the machine what the first lists took beyond what is kept of them: up to 10 MB."""
    await fleet.synced()
    with contextlib.suppress(OSError, AttributeError):  # a C library that has no such thing
        ctypes.CDLL(None).malloc_trim(0)


class TemporalLink:
    """Temporal, as soon as it answers: the pages of a cluster are shown without it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._outage = temporal_outage(target_of(settings).address)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[TemporalLink]:
        """Connects meanwhile."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def client(self) -> Client:
        """The client. Raises NotDelivered while there is none, or nobody would answer it."""
        if self._client is None or self._outage.is_away:
            raise NotDelivered(
                f"Temporal does not answer at {target_of(self._settings).address}; try again when it does"
            )
        return self._client

    async def _run(self) -> None:
        self._client = await connect(self._settings, identity=process_identity("airunway-web"))
        async with asyncio.TaskGroup() as group:
            group.create_task(follow_credentials(self._client, self._settings))
            group.create_task(keep_asking(self._settings))


@contextlib.contextmanager
def listening(settings: Settings, *, limits: ConnectionLimits = LIMITS) -> Iterator[GuardedListener]:
    """A socket on the address and port of the settings. Raises OSError that names them."""
    address, port = settings.web_address, settings.web_port
    try:
        place, *others = listeners(ConnectionGuard(limits), address, port)
    except OSError as err:
        raise OSError(err.errno, f"{err.strerror} (AIRUNWAY_WEB_ADDRESS, AIRUNWAY_WEB_PORT)") from err
    for other in others:  # of a name with several addresses the first is taken
        other.close()
    with place:
        yield place


async def serve(app: FastAPI, place: GuardedListener, *, on_stop: Callable[[], None] = lambda: None) -> None:
    """Serve on a listening socket until cancelled. `on_stop`: ends the answers that have no end."""
    server = _QuietServer(
        uvicorn.Config(
            GuardedApp(app, place.guard),
            http="h11",  # bounds a head
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    async with place.guard.watching():
        task = asyncio.create_task(server.serve(sockets=[place]))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            server.should_exit = True
            on_stop()
            await asyncio.gather(task, return_exceptions=True)
            raise


class _QuietServer(uvicorn.Server):
    """Leaves signals to `cli.serve.until_stopped`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
