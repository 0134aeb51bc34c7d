"""Who is at work: this system's watcher, and AI Runway's own controllers, if they still are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airunway.api import names
from airunway.api.heartbeat import last_heartbeat
from airunway.cli.doctor.findings import DoctorFinding, fail, ok, warn
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.migrate.controllers import deployments_of_both, unexplained_holders
from airunway.clients.kubernetes import LEASES
from airunway.provider.registry import installed_providers


async def former(place: DoctorPlace) -> list[DoctorFinding]:
    """None of AI Runway's own controllers runs beside this system."""
    cluster = await place.cluster()
    controllers, processes = await deployments_of_both(cluster, installed_providers())
    running = [entry.name for entry in controllers if entry.is_running]
    elsewhere = await unexplained_holders(cluster, controllers)
    check = "AI Runway's controllers"
    found = [
        fail(
            check, f"{holder} holds the Lease {lease}, and is no pod of this cluster's Deployments", "end it"
        )
        for lease, holder in elsewhere.items()
    ]
    if running and any(entry.replicas for entry in processes):
        words = f"{', '.join(running)} run beside this system: both write the same objects"
        found.append(fail(check, words, "let one of them go: airunway migrate run, or airunway migrate back"))
    elif running:
        words = f"{', '.join(running)} run; this system is not started here"
        found.append(warn(check, words, "what would change: airunway migrate check"))
    return found or [ok(check, "none runs")]


async def watcher(place: DoctorPlace) -> list[DoctorFinding]:
    """Some watcher holds its Lease and renews it."""
    cluster, settings = await place.cluster(), place.settings
    namespace = settings.pod_namespace
    lease = await cluster.find(LEASES, names.WATCHER_LEASE, namespace=namespace)
    spec = (lease or {}).get("spec") or {}
    holder, renewed = str(spec.get("holderIdentity") or ""), last_heartbeat(spec.get("renewTime"))
    advice = "start `airunway watcher`; look at the log of Deployment airunway-watcher"
    if not holder or renewed is None:
        words = f"nobody holds the Lease {namespace}/{names.WATCHER_LEASE}, so changes wake nothing"
        return [fail("watcher", words, advice)]
    given = spec.get("leaseDurationSeconds")
    lasts = timedelta(seconds=given) if isinstance(given, int) and given > 0 else settings.lease_duration
    silent = datetime.now(UTC) - renewed
    if silent > 2 * lasts:
        words = f"{holder} last renewed its Lease {silent.total_seconds():.0f} s ago"
        return [fail("watcher", words, advice)]
    return [ok("watcher", f"{holder} leads")]
