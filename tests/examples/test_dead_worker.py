"""A provider's worker is killed: new deployments go elsewhere, running ones stay, all heals on its return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.places import places
from tests.examples.processes import ACME, Installation

SETTINGS = {
    "AIRUNWAY_HEARTBEAT": "PT2S",
    "AIRUNWAY_HEARTBEAT_LIMIT": "PT10S",
    # So that a provider without rules (llm-d) may stand in.
    "AIRUNWAY_SELECTION_FALLBACK": "capabilities",
}
MODEL = {"id": "acme/chat-9b"}


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def installation(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Installation]:
    """The core with llm-d in one process, the third-party worker in another."""
    async with (
        places(request, tmp_path) as place,
        Installation(
            place.kubeconfig,
            place.temporal_address,
            tmp_path,
            core=["--provider", "llmd"],
            env=SETTINGS,
        ) as running,
    ):
        yield running


def ready(installation: Installation) -> bool:
    return bool((installation.config().get("status") or {}).get("ready"))


def alive(installation: Installation) -> tuple[str, str]:
    conditions = installation.config()["status"]["conditions"]
    return next((entry["status"], entry["reason"]) for entry in conditions if entry["type"] == "WorkerAlive")


async def test_a_worker_that_is_killed_is_done_without_until_it_returns(installation: Installation) -> None:
    await installation.running("before", model=MODEL)
    server = installation.server("before")

    await installation.kill(ACME)

    await installation.until(lambda: not ready(installation), "the config unready")
    assert alive(installation) == ("False", "HeartbeatExpired")

    await installation.deploy("meanwhile", model=MODEL)
    await installation.until_phase("meanwhile", "Deploying")
    assert installation.status("meanwhile")["provider"]["name"] == "llmd"
    assert installation.status("before")["phase"] == "Running"
    assert installation.server("before") == server

    installation.start_acme()

    await installation.until(lambda: ready(installation), "the config ready again")
    assert alive(installation) == ("True", "HeartbeatReceived")
    await installation.running("after", model=MODEL)
    assert installation.status("after")["provider"]["name"] == "acme"
    assert installation.status("meanwhile")["provider"]["name"] == "llmd"
    assert installation.status("before")["phase"] == "Running"
    assert installation.server("before") == server
