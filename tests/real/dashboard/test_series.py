"""Every panel of the chart's dashboard asks Prometheus for what is served: none can only ever be empty."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from airunway.metrics.families import BUILD_INFO
from airunway.workers.metrics_endpoint import metrics_served
from tests.metrics.panels import Target, panels
from tests.real.test_alerts import CAUSES, Measured
from tests.servers.prometheus import Prometheus

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

DEADLINE_SECONDS = 120
ROLES = ("worker", "watcher")
"""One process may have several, as that of `airunway up`."""


async def test_every_query_finds_series_of_what_an_installation_measures(world: Measured) -> None:
    happening = [cause for alert, cause in CAUSES.items() if alert != "AirunwayNoWatcher"]
    missing = [target for panel in panels() for target in panel.targets]
    began = time.time()
    world.fleet.opened(["Running"])

    async def finds(server: Prometheus, target: Target) -> bool:
        found = await asyncio.to_thread(server.series, target.query, since=began)
        return any(series.times for series in found)

    with contextlib.ExitStack() as stack:
        for role in ROLES:
            BUILD_INFO.labels("1.0.0", role).set(1)
            stack.callback(BUILD_INFO.remove, "1.0.0", role)
        async with metrics_served(0) as port:
            server = await asyncio.to_thread(stack.enter_context, Prometheus([f"127.0.0.1:{port}"]))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE_SECONDS):
                    while missing:
                        for cause in happening:
                            cause(world)
                        await asyncio.sleep(0.5)  # for the next scrape to see that
                        missing = [target for target in missing if not await finds(server, target)]

    assert missing == []
