"""An emulated cluster with AI Runway's kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from airunway.clients.kubernetes import Cluster
from tests.clusters import emulated_cluster


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with emulated_cluster(tmp_path, own_crds=True) as connected:
        yield connected
