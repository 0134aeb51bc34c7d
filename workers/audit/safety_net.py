"""The watcher's safety net, put together: fleet audit, presence of workflows, and what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from temporalio.client import Client

from airunway.clients.kubernetes import Cluster
from airunway.provider.contract import Provider
from airunway.workers.audit.fleet import Fleet
from airunway.workers.audit.fleet_audit import FleetAudit
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.presence import Presence
from airunway.workers.audit.stuck import StuckWorkflows
from airunway.workers.settings import Settings
from airunway.workers.signal_queue import SignalQueue


async def run_safety_net(
    client: Client,
    cluster: Cluster,
    providers: Mapping[str, Provider],
    fleet: Fleet,
    signals: SignalQueue,
    *,
    settings: Settings,
    metrics: FleetMetrics,
) -> None:
    """Audit until cancelled, where the Lease is held."""
    audit = FleetAudit(fleet, providers, signals, every=settings.audit, metrics=metrics)
    presence = Presence(
        client,
        fleet,
        signals,
        StuckWorkflows(client, cluster, fleet, audit),
        cluster_name=settings.cluster,
        every=settings.presence,
        metrics=metrics,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(audit.run())
        group.create_task(presence.run())
