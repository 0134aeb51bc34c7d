"""`airunway migrate check | run | back` as a person gives them, on the sandbox.

Apart from tests/e2e/test_migration.py, where a fleet is moved and this system really takes it over.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.api import names
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.cli.migrate.controllers import HOLDER
from airunway.cli.migrate.record import read_record
from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, LEASES, NAMESPACES, Cluster, Object
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox

pytestmark = pytest.mark.timeout(300)

SYSTEM = names.SYSTEM_NAMESPACE
CORE, OURS_TOO, THEIRS = names.FORMER_CORE, "airunway-kaito-provider", "airunway-acme-provider"
"""AI Runway's core, a provider's controller that a package of ours replaces, and a third party's."""


def deployment(name: str, replicas: int, *command: str) -> Object:
    labels = {"app": name}
    container = {"name": "manager", "image": "example.com/i:1", "command": list(command)}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


@dataclass
class Installed:
    """A cluster with AI Runway's controllers at work; this system is installed beside, and stands still."""

    sandbox: Sandbox

    @property
    def cluster(self) -> Cluster:
        return self.sandbox.cluster

    async def airunway(self, *arguments: str) -> tuple[int, str, str]:
        """Status, output and errors of a command."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRUNWAY_")}
        environment["AIRUNWAY_TEMPORAL_ADDRESS"] = self.sandbox.temporal.address
        where = ["--kubeconfig", str(self.sandbox.kubeconfig)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "airunway.cli", "migrate", *arguments, *where),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def replicas(self) -> dict[str, int]:
        listing = await self.cluster.listing(APPS_DEPLOYMENTS, namespace=SYSTEM)
        return {live["metadata"]["name"]: live["spec"]["replicas"] for live in listing.items}

    async def holder(self, lease: str) -> str:
        live = await self.cluster.find(LEASES, lease, namespace=SYSTEM)
        return str((live or {}).get("spec", {}).get("holderIdentity", ""))


@pytest_asyncio.fixture
async def installed(tmp_path: Path) -> AsyncIterator[Installed]:
    attributes = {key.name: "Keyword" for key in SEARCH_ATTRIBUTES}
    sandbox = Sandbox(
        tmp_path / "state", timing=Timing.instant(), headless=True, search_attributes=attributes
    )
    async with sandbox:
        await apply_own_crds(sandbox.cluster)
        if await sandbox.cluster.find(NAMESPACES, SYSTEM) is None:
            await sandbox.cluster.create(NAMESPACES, {"metadata": {"name": SYSTEM}})
        for given in (
            deployment(CORE, 1, "/manager"),
            deployment(OURS_TOO, 2, "/provider"),
            deployment(THEIRS, 1, "/provider"),
            deployment("airunway-worker", 0, "airunway", "worker"),
            deployment("airunway-watcher", 0, "airunway", "watcher"),
        ):
            await sandbox.cluster.create(APPS_DEPLOYMENTS, given, namespace=SYSTEM)
        paused = {names.ANNOTATION_PAUSED: "true"}
        chat = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": "chat", "annotations": paused},
            "spec": {"model": {"id": "org/model"}},
        }
        await sandbox.cluster.create(DEPLOYMENTS, chat, namespace="default")
        yield Installed(sandbox)


async def test_a_cluster_moves_over_and_back_and_a_third_partys_controller_is_left_alone(
    installed: Installed,
) -> None:
    status, out, err = await installed.airunway("check")

    assert status == 0, out + err
    assert f"runs       {CORE}: 1 of 1 pods" in out
    assert f"left alone {THEIRS}" in out
    assert "1 deployments: none is made anew" in out
    before = await installed.replicas()

    status, out, err = await installed.airunway("run", "--yes", "--timeout", "60", "-o", "json")

    assert status == 0, err
    assert json.loads(out)["succeeded"] is True
    assert await installed.replicas() == {
        CORE: 0,
        OURS_TOO: 0,
        THEIRS: 1,
        "airunway-worker": 2,
        "airunway-watcher": 2,
    }
    assert await installed.holder(names.FORMER_CORE_LEASE) == HOLDER

    status, out, err = await installed.airunway("back", "--yes", "--timeout", "60")

    assert status == 0, err
    assert out == "1 deployments: 0 made anew, 0 in another phase, 0 not taken over\n"
    assert await installed.replicas() == before
    assert await installed.holder(names.FORMER_CORE_LEASE) == ""
    assert await read_record(installed.cluster) is None


async def test_nothing_is_done_unasked_or_where_nothing_is_to_be_moved(installed: Installed) -> None:
    before = await installed.replicas()

    unasked = await installed.airunway("run")
    undone = await installed.airunway("back", "--yes")
    await installed.cluster.delete(APPS_DEPLOYMENTS, "airunway-worker", namespace=SYSTEM)
    check = await installed.airunway("check")
    run = await installed.airunway("run", "--yes")

    assert (unasked[0], undone[0], check[0], run[0]) == (1, 1, 1, 1)
    assert "give --yes" in unasked[2]
    assert "nothing to undo" in undone[2]
    assert "in the way: this system has no Deployment that runs worker" in check[1]
    assert "this system has no Deployment that runs worker" in run[2]
    del before["airunway-worker"]
    assert await installed.replicas() == before
