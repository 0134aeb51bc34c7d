"""The same system on the emulated cluster with Temporal's dev server, and on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.places import places
from tests.e2e.system import System


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """The control plane, ready for deployments."""
    async with (
        places(request, tmp_path_factory.mktemp("e2e")) as place,
        System(place.kubeconfig, place.temporal_address) as running,
    ):
        running.emulated = place.emulated
        yield running
