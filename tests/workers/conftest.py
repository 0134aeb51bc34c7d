"""An emulated cluster with AI Runway's kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.clients.kubernetes import Cluster
from tests.clusters import emulated_cluster
from tests.watchdog import loop_watchdog  # noqa: F401  (every test's)
from tests.workers.version_site import Site, version_site


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with emulated_cluster(tmp_path, own_crds=True) as connected:
        yield connected


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """Two builds of a small workflow, on a Temporal server of the test's own."""
    async with version_site() as running:
        yield running
