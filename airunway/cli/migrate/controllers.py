"""Whose a Deployment is: of AI Runway's own controllers, or of this system, and who holds their Leases.

Both may have the same name: a provider's is `airunway-<provider>-provider` here and there. So what it runs
decides. A provider's that no package here takes the place of is a third party's: it is left alone, and goes
on beside this system. Source: core.md §16 (core), install.md §A13 (providers), crds.md §8.1 (Leases).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from airunway.api import names
from airunway.api.heartbeat import last_heartbeat
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, LEASES, Cluster, Object

_PROVIDER = re.compile(r"airunway-(?P<provider>[a-z0-9-]+)-provider")
PROCESSES = frozenset({"worker", "watcher", "webhook", "private-pulls", "web"})
"""Subcommands that a container of this system runs."""
LEASE_SECONDS = 15
"""Of a Lease that does not say it (core.md §16.2)."""
MAX_AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead; what is further would never grow old."""
HOLDER = "airunway-migrate"
"""Who holds the Leases of controllers that were scaled down, so that none of them leads again by accident."""


@dataclass(frozen=True)
class FormerController:
    """A Deployment of AI Runway's own."""

    name: str
    replicas: int
    """That are wanted now."""
    pods: int
    """That there are, as its status says."""
    live: Object
    holder: str = ""
    """Who holds its Lease and renewed it lately; empty: nobody."""

    @property
    def lease(self) -> str:
        """Name of its Lease."""
        return lease_of(self.name)

    @property
    def is_running(self) -> bool:
        """Whether it has pods, or is to have some."""
        return self.replicas > 0 or self.pods > 0


@dataclass(frozen=True)
class OwnProcess:
    """A Deployment of this system."""

    name: str
    subcommand: str
    replicas: int
    ready: int
    pods: int
    live: Object


def lease_of(deployment: str) -> str:
    """The Lease that replicas of a controller are elected by."""
    return names.FORMER_CORE_LEASE if deployment == names.FORMER_CORE else deployment


def subcommand_of(deployment: Mapping[str, Any]) -> str:
    """Which process of this system its pods run; empty: none."""
    pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    for container in pod.get("containers") or ():
        words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
        if words and PurePosixPath(words[0]).name == "airunway":
            words = words[1:]
        elif container.get("command"):
            continue  # another program, whatever its arguments are called
        if words and words[0] in PROCESSES:
            return words[0]
    return ""


def is_former(deployment: Mapping[str, Any], providers: Collection[str]) -> bool:
    """Whether it is one of AI Runway's own controllers, by its name and by what it runs.

    `providers`: whose packages are installed here.
    """
    if subcommand_of(deployment):
        return False
    name = str(deployment["metadata"]["name"])
    return name == names.FORMER_CORE or _provider_of(name) in providers


def _provider_of(name: str) -> str | None:
    """The provider whose controller a Deployment is called."""
    found = _PROVIDER.fullmatch(name)
    return found["provider"] if found else None


async def left_alone(cluster: Cluster, providers: Collection[str]) -> list[str]:
    """Names of third parties' provider controllers. Raises ApiError."""
    listing = await cluster.listing(APPS_DEPLOYMENTS, namespace=names.SYSTEM_NAMESPACE)
    theirs = [live for live in listing.items if not subcommand_of(live) and not is_former(live, providers)]
    called = [str(live["metadata"]["name"]) for live in theirs]
    return [name for name in called if _provider_of(name)]


async def deployments_of_both(
    cluster: Cluster, providers: Collection[str]
) -> tuple[list[FormerController], list[OwnProcess]]:
    """AI Runway's controllers and this system's processes. Raises ApiError."""
    listing = await cluster.listing(APPS_DEPLOYMENTS, namespace=names.SYSTEM_NAMESPACE)
    controllers, processes = [], []
    for live in listing.items:
        name = str(live["metadata"]["name"])
        wanted, status = wanted_replicas(live), live.get("status") or {}
        pods = int(status.get("replicas") or 0)
        if is_former(live, providers):
            controllers.append(
                FormerController(name, wanted, pods, live, await holder_of(cluster, lease_of(name)))
            )
        elif subcommand := subcommand_of(live):
            ready = int(status.get("readyReplicas") or 0)
            processes.append(OwnProcess(name, subcommand, wanted, ready, pods, live))
    return controllers, processes


def wanted_replicas(deployment: Mapping[str, Any]) -> int:
    """`spec.replicas`, one where it says none."""
    given = (deployment.get("spec") or {}).get("replicas")
    return 1 if given is None else int(given)


async def holder_of(cluster: Cluster, lease: str) -> str:
    """Who holds a Lease of AI Runway's controllers now, by a renewal that has not run out; empty: nobody.

    Raises ApiError.
    """
    live = await cluster.find(LEASES, lease, namespace=names.SYSTEM_NAMESPACE)
    spec = (live or {}).get("spec") or {}
    holder, renewed = str(spec.get("holderIdentity") or ""), last_heartbeat(spec.get("renewTime"))
    if not holder or holder == HOLDER or renewed is None:
        return ""
    lasts = spec.get("leaseDurationSeconds")
    seconds = lasts if isinstance(lasts, int) and 0 < lasts <= 3600 else LEASE_SECONDS
    silent = datetime.now(UTC) - renewed
    return holder if -MAX_AHEAD <= silent <= timedelta(seconds=seconds) else ""


async def unexplained_holders(cluster: Cluster, controllers: list[FormerController]) -> dict[str, str]:
    """Holders of Leases by Lease, of whose Deployments none is there or has pods: they run elsewhere.

    Raises ApiError.
    """
    explained = {entry.lease for entry in controllers if entry.is_running}
    leases = {names.FORMER_CORE_LEASE, *(entry.lease for entry in controllers)}
    found = {lease: await holder_of(cluster, lease) for lease in sorted(leases - explained)}
    return {lease: holder for lease, holder in found.items() if holder}
