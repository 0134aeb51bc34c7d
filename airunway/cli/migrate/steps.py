"""The steps of a migration. Each is done again without harm, and waits for what it caused.

Nothing is waited for forever: who stops half-way finds what was done, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime

from airunway.api import names
from airunway.cli.migrate.controllers import HOLDER, lease_of, wanted_replicas
from airunway.cli.migrate.record import FIELD_MANAGER
from airunway.cli.problems import CliError
from airunway.clients.errors import AlreadyExists, Conflict, NotFound
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, LEASES, PODS, Cluster, Object

POLL_SECONDS = 1.0
HELD_SECONDS = 10 * 365 * 24 * 3600
"""A Lease says itself how long a holder may be silent; who holds this one is not there to renew it."""
ENDED = ("Succeeded", "Failed")
"""Phases of pods that run no more, such as evicted ones, which stay."""
Say = Callable[[str], None]


async def scale(cluster: Cluster, name: str, replicas: int, say: Say) -> None:
    """Have so many pods of a Deployment. One that is not there is left out."""
    live = await cluster.find(APPS_DEPLOYMENTS, name, namespace=names.SYSTEM_NAMESPACE)
    if live is None or wanted_replicas(live) == replicas:
        return
    say(f"Deployment {name}: {wanted_replicas(live)} → {replicas}")
    await cluster.patch(
        APPS_DEPLOYMENTS,
        name,
        {"spec": {"replicas": replicas}},
        namespace=names.SYSTEM_NAMESPACE,
        field_manager=FIELD_MANAGER,
    )


async def stop(cluster: Cluster, deployments: Iterable[str], say: Say, *, seconds: float) -> None:
    """Scale to nothing, and wait until no pod is left. Raises CliError after so many seconds."""
    wanted = sorted(deployments)
    for name in wanted:
        await scale(cluster, name, 0, say)

    async def running() -> list[str]:
        return [name for name in wanted if await _has_pods(cluster, name)]

    await _until_empty(running, say, "still has pods", seconds=seconds)


async def _has_pods(cluster: Cluster, name: str) -> bool:
    """Whether a Deployment has some, or nobody knows yet: the count is of when its controller saw it last.

    One that is ending is in no count, and works until it has ended.
    """
    live = await cluster.find(APPS_DEPLOYMENTS, name, namespace=names.SYSTEM_NAMESPACE)
    if live is None:
        return False
    status = live.get("status") or {}
    is_seen = int(status.get("observedGeneration") or 0) >= int(live["metadata"]["generation"])
    if status.get("replicas") or not is_seen:
        return True
    selector = _asked_for(live["spec"]["selector"])
    pods = await cluster.listing(PODS, namespace=names.SYSTEM_NAMESPACE, label_selector=selector)
    return any((pod.get("status") or {}).get("phase") not in ENDED for pod in pods.items)


def _asked_for(selector: Object) -> str:
    """A selector of labels as the API server is asked for it."""
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for entry in selector.get("matchExpressions") or ():
        key, values = entry["key"], ",".join(entry.get("values") or ())
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[entry["operator"]]
        )
    return ",".join(terms)


async def start(cluster: Cluster, deployments: Mapping[str, int], say: Say, *, seconds: float) -> None:
    """Scale up, and wait until each has a ready pod. Raises CliError after so many seconds."""
    for name, replicas in sorted(deployments.items()):
        await scale(cluster, name, replicas, say)

    async def unready() -> list[str]:
        found = []
        for name, replicas in sorted(deployments.items()):
            live = await cluster.find(APPS_DEPLOYMENTS, name, namespace=names.SYSTEM_NAMESPACE)
            status = (live or {}).get("status") or {}
            if live is not None and replicas and not status.get("readyReplicas"):
                found.append(name)
        return found

    await _until_empty(unready, say, "has no ready pod", seconds=seconds)


async def _until_empty(
    look: Callable[[], Awaitable[list[str]]], say: Say, what: str, *, seconds: float
) -> None:
    said: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            while left := await look():
                if left != said:
                    say(f"waiting: {', '.join(left)} {what}")
                    said = left
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise CliError(
            f"{', '.join(said) or 'something'} {what} after {seconds:.0f} s; see kubectl -n "
            f"{names.SYSTEM_NAMESPACE} get pods, put it right, and give the same command again: it goes on "
            "from here (or airunway migrate back)"
        ) from None


async def hold_leases(cluster: Cluster, deployments: Iterable[str], say: Say) -> None:
    """Hold the Leases of controllers that have no pods, so that none leads again without being asked to.

    Raises CliError where somebody took one meanwhile.
    """
    for lease in sorted({lease_of(name) for name in deployments}):
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            "holderIdentity": HOLDER,
            "leaseDurationSeconds": HELD_SECONDS,
            "acquireTime": now,
            "renewTime": now,
        }
        live = await cluster.find(LEASES, lease, namespace=names.SYSTEM_NAMESPACE)
        if live is not None and (live.get("spec") or {}).get("holderIdentity") == HOLDER:
            continue
        say(f"Lease {lease}: held, so that no controller of AI Runway leads")
        try:
            await _write_lease(cluster, lease, live, spec)
        except (Conflict, AlreadyExists) as err:
            raise CliError(
                f"somebody renewed the Lease {lease} although its controller has no pods here; end that "
                "controller, and give the same command again"
            ) from err


async def _write_lease(cluster: Cluster, lease: str, live: Object | None, spec: Object) -> None:
    where = names.SYSTEM_NAMESPACE
    if live is None:
        await cluster.create(LEASES, {"metadata": {"name": lease}, "spec": spec}, namespace=where)
        return
    body = {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}, "spec": spec}
    await cluster.patch(LEASES, lease, body, namespace=where, field_manager=FIELD_MANAGER)


async def release_leases(cluster: Cluster, deployments: Iterable[str], say: Say) -> None:
    """Give back the Leases that are held, and no others."""
    for lease in sorted({lease_of(name) for name in deployments}):
        live = await cluster.find(LEASES, lease, namespace=names.SYSTEM_NAMESPACE)
        if live is None or (live.get("spec") or {}).get("holderIdentity") != HOLDER:
            continue
        say(f"Lease {lease}: given back")
        version = live["metadata"]["resourceVersion"]
        try:
            await cluster.delete(LEASES, lease, namespace=names.SYSTEM_NAMESPACE, resource_version=version)
        except NotFound:
            continue
