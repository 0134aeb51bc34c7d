"""What the requests of one web process share, and how routes get at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from temporalio.client import Client

from airunway.clients.kubernetes import Cluster
from airunway.operations.errors import NotDelivered
from airunway.provider.contract import Provider
from airunway.provider.registry import installed_providers
from airunway.web.access import Rights
from airunway.web.cache import TimedCache
from airunway.web.fleet import LiveFleet
from airunway.web.hub import HubPages
from airunway.web.identity import Caller, Identities
from airunway.web.listing import ShownDeployments
from airunway.web.promises import ImagePromises
from airunway.web.providers import ProviderStandings
from airunway.web.session_key import session_key
from airunway.web.sessions import CookieSessions
from airunway.web.sign_ins import HubSignIns
from airunway.workers.settings import Settings

USER_AGENT = "airunway-web"
"""What it is called in the API server's audit log."""
METRICS_SECONDS, MAX_KEPT = 15.0, 5_000
CLUSTERS_SECONDS = 30.0


@dataclass
class WebState:
    """Shared by all requests. `settings` with the cluster's name."""

    settings: Settings
    cluster: Cluster
    """Under our own account: see `docs/security.md` for what of it callers get, and when."""
    identities: Identities
    rights: Rights
    fleet: LiveFleet
    shown: ShownDeployments
    promises: ImagePromises
    standings: ProviderStandings
    hub: HubPages
    find_temporal: Callable[[], Awaitable[Client]]
    """A client, or OperationError while Temporal is away."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    """The installed packages."""
    metrics: TimedCache[tuple[str, str, int], dict[str, Any]] = field(
        default_factory=lambda: TimedCache(seconds=METRICS_SECONDS, maximum=MAX_KEPT)
    )
    """What model servers count, by namespace, Service and port."""
    sign_ins: HubSignIns = field(default_factory=HubSignIns)
    """At the hub, of clients that leave the verifier to us."""
    fleet_counts: TimedCache[str, list[Any]] = field(
        default_factory=lambda: TimedCache(seconds=CLUSTERS_SECONDS, maximum=1)
    )
    """Of the pages: the deployments of all clusters, counted."""
    plans: Any = None
    """Of the pages: what they plan against."""

    async def temporal(self) -> Client:
        """The Temporal client. Raises NotDelivered while it is away."""
        return await self.find_temporal()


@asynccontextmanager
async def web_state(
    settings: Settings,
    cluster: Cluster,
    *,
    find_temporal: Callable[[], Awaitable[Client]],
    providers: Mapping[str, Provider] | None = None,
) -> AsyncIterator[WebState]:
    """The state of a process, its fleet followed meanwhile. `cluster`: under the account of the process."""
    bare = cluster.bare()
    rights = Rights()
    key = await session_key(settings, cluster)
    sessions = CookieSessions(key)
    fleet = LiveFleet(cluster, rights)
    state = WebState(
        settings=settings,
        cluster=cluster,
        identities=Identities(
            cluster,
            bare,
            signs_in=settings.web_signs_in,
            sessions=sessions,
            trusted=settings.web_trusted_proxies,
        ),
        rights=rights,
        fleet=fleet,
        shown=ShownDeployments(settings, fleet),
        promises=ImagePromises(settings),
        standings=ProviderStandings(settings, cluster, fleet),
        hub=HubPages(settings),
        find_temporal=find_temporal,
        providers=installed_providers() if providers is None else providers,
        sign_ins=HubSignIns(key),
    )
    following = asyncio.create_task(state.fleet.run())
    try:
        yield state
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await bare.close()


async def no_temporal() -> Client:
    """For a process that has none."""
    raise NotDelivered("Temporal is not connected")


def state_of(request: Request) -> WebState:
    """The state of the application that serves a request."""
    return cast(WebState, request.app.state.web)


async def caller_of(request: Request) -> Caller:
    """Who calls; every route but the public ones depends on it. Raises NotSignedIn."""
    request.state.caller = await state_of(request).identities.of_request(request)
    caller: Caller = request.state.caller  # a refusal's page, too, says whose it is
    return caller


State = Annotated[WebState, Depends(state_of)]
SignedIn = Annotated[Caller, Depends(caller_of)]
