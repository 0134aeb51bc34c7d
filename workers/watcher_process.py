"""The watcher process: a standby until it holds the Lease, then the one that watches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.kubernetes import Cluster
from airunway.metrics.families import register_provider
from airunway.provider.contract import Provider
from airunway.provider.registry import installed_providers
from airunway.workers.audit.fleet import Fleet
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.safety_net import run_safety_net
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.health import Ready
from airunway.workers.heartbeats import HeartbeatSweep
from airunway.workers.leader import run_as_leader
from airunway.workers.settings import Settings
from airunway.workers.signal_queue import SignalQueue, WorkflowSender
from airunway.workers.starting import say_start
from airunway.workers.temporal.connection import connect, follow_credentials
from airunway.workers.temporal.identity import process_identity
from airunway.workers.temporal.search_attributes import SearchAttributes
from airunway.workers.temporal_outage import keep_asking
from airunway.workers.version_moves import version_moves
from airunway.workers.watcher import Watcher

USER_AGENT = "airunway-watcher"
"""What it is called in the API server's audit log."""


async def run_watcher(
    settings: Settings, *, providers: Mapping[str, Provider] | None = None, ready: Ready | None = None
) -> None:
    """Watch while holding the Lease, until cancelled. Ready also while standing by."""
    known = installed_providers() if providers is None else providers
    ready = ready or Ready()
    ready.parts["watcher"] = False
    async with await Cluster.connect(
        settings.kubeconfig, context=settings.context, user_agent=USER_AGENT
    ) as cluster:
        settings = await with_cluster_name(settings, cluster, patient=True)
        say_start("watcher", settings)
        metrics = FleetMetrics()  # before Temporal answers: it leads nothing, and says so
        for name in known:
            register_provider(name)
        client = await connect(settings, identity=process_identity("airunway-watcher"))
        attributes = SearchAttributes(client)
        await attributes.refresh()
        moves = version_moves(client, settings)

        async def watch() -> None:
            fleet = Fleet(providers=frozenset(known))
            sender = WorkflowSender(client, known=lambda: attributes.known, model_of=fleet.model_of)
            signals = SignalQueue.from_settings(sender, settings)
            names = {"cluster_name": settings.cluster, "gateway": settings.configured_gateway}
            watcher = Watcher(cluster, known, signals, fleet=fleet, **names)
            sweep = HeartbeatSweep(cluster, fleet.config_objects.values, limit=settings.heartbeat_limit)
            net = run_safety_net(client, cluster, known, fleet, signals, settings=settings, metrics=metrics)
            with metrics.leading(watcher.look):
                async with asyncio.TaskGroup() as group:
                    group.create_task(watcher.run())
                    group.create_task(net)
                    group.create_task(sweep.run())
                    group.create_task(moves.run())

        ready.parts["watcher"] = True
        leading = run_as_leader(
            cluster,
            watch,
            name="airunway-watcher",
            namespace=settings.pod_namespace or SYSTEM_NAMESPACE,
            lease_duration=settings.lease_duration,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_asking(settings))
            group.create_task(follow_credentials(client, settings))
            group.create_task(attributes.run())
            group.create_task(leading)
