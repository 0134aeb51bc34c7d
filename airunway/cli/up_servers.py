"""The servers of `airunway up`: Temporal, and the emulated cluster unless a real one was named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from airunway.api.decision import InstallPolicy
from airunway.api.names import PULL_SECRET
from airunway.cli.up_display import Display
from airunway.clients.kubernetes import Cluster
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.modelimage.naming import PULL_HOST
from airunway.sandbox import charts, prerequisites
from airunway.sandbox.runtime import Sandbox
from airunway.sandbox.temporal import (
    USUAL_PORT,
    USUAL_UI_PORT,
    TemporalServer,
    TemporalServerError,
    claimed_port,
)
from airunway.workers.environment import read_settings
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import at_own_server, is_named

RESTART_DELAY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What was asked for. `gateway`: pretend one in the emulated cluster.

    `deadline` None: run until stopped; else leave when the samples run.
    """

    state_dir: Path
    kubeconfig: Path | None
    samples: Sequence[str]
    shipped_samples: bool
    gateway: bool
    deadline: float | None


@asynccontextmanager
async def servers(options: UpOptions, display: Display) -> AsyncIterator[Settings]:
    """Temporal, and the emulated cluster unless a real one was named; yields how to reach them."""
    base = read_settings()
    attributes = {key.name: "Keyword" for key in SEARCH_ATTRIBUTES}
    if options.kubeconfig is None:
        display.phase("starting Temporal and the emulated cluster")
        sandbox = Sandbox(
            options.state_dir,
            usual_ports=True,
            installed=False,
            gateway=options.gateway,
            search_attributes=attributes,
        )
        async with sandbox, _supervised(sandbox.temporal, display):
            await prerequisites.install(sandbox.cluster)
            settings = _reach(base, sandbox.temporal, sandbox.kubeconfig)
            yield settings.model_copy(update=without_network(sandbox, settings))
        return
    display.phase("looking for the cluster")
    async with await Cluster.connect(options.kubeconfig, context=base.context) as cluster:
        await cluster.discovery.server_version()
    if is_named(base):
        yield base.model_copy(update={"kubeconfig": options.kubeconfig, "health_port": 0})
        return
    display.phase("starting Temporal")
    with claimed_port(USUAL_PORT) as port, claimed_port(USUAL_UI_PORT) as ui_port:
        temporal = TemporalServer(
            data_file=options.state_dir / "temporal.db",
            log_file=options.state_dir / "temporal.log",
            port=port,
            ui_port=ui_port,
            search_attributes=attributes,
        )
        async with temporal, _supervised(temporal, display):
            yield _reach(base, temporal, options.kubeconfig)


def _reach(base: Settings, temporal: TemporalServer, kubeconfig: Path) -> Settings:
    found: dict[str, Any] = {"kubeconfig": kubeconfig.absolute(), "health_port": 0}
    if "worker_abandoned_after" not in base.model_fields_set:
        # No other worker serves this Temporal: runs of the code that ran last time need not be waited for.
        found["worker_abandoned_after"] = timedelta(seconds=2)
    return at_own_server(base, temporal.address, temporal.ui).model_copy(update=found)


def without_network(sandbox: Sandbox, given: Settings) -> dict[str, Any]:
    """Settings by which hub, registries, charts and builder are those of the sandbox: it needs no network.

    Nodes call the registry by the usual name, as if it ran in the cluster.
    """
    registry = sandbox.registry
    policy = given.provider_install if "provider_install" in given.model_fields_set else InstallPolicy.AUTO
    return {
        "provider_install": policy,
        "chart_mirrors": {**charts.mirrors(), **given.chart_mirrors},
        "context": None,
        "registry_mirrors": {"docker.io": registry.url, "ghcr.io": registry.url},
        "hugging_face": sandbox.hub.url,
        "inside_hosts": [*given.inside_hosts, sandbox.hub.content_url],
        "buildkit_address": sandbox.buildkit.address,
        "image_registry": registry.host,
        "image_registry_login_file": sandbox.registry_login_file.absolute(),
        "image_registry_pull": PULL_HOST,
        # As in a cluster, where images of private models are kept apart; nothing is pulled here.
        "image_pull_secret": PULL_SECRET,
        # Pods have no network: their servers answer through the API server's proxy, not at DNS names.
        "service_url": sandbox.service_url,
    }


@asynccontextmanager
async def _supervised(temporal: TemporalServer, display: Display) -> AsyncIterator[None]:
    """Start Temporal's server again when it ends by itself: workflows go on where they were."""

    async def watch() -> None:
        while True:
            await temporal.wait()
            display.notice("Temporal's server ended; starting it again")
            with suppress(TemporalServerError):
                await temporal.start()
                continue
            await asyncio.sleep(RESTART_DELAY_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
