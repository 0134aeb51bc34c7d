"""What objects and statuses say agrees once it has settled, as the fleet audit compares them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import cast

import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.decision import InstallPolicy
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from airunway.provider.registry import installed_providers
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.audit.differences import difference
from airunway.workers.audit.fleet import Fleet
from airunway.workers.settings import Settings
from airunway.workers.signal_queue import SignalQueue, SignalSender
from airunway.workers.watcher import Watcher
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.sandbox.conftest import Stage
from tests.sandbox.test_whole_system import deployment, kaito, phase, vllm

pytestmark = pytest.mark.timeout(180)


DEPLOYED = {
    "premade": vllm("premade"),
    "preset": kaito("preset"),
    "together": deployment("together", provider={"name": "llmd"}),
    "apart": deployment(
        "apart",
        provider={"name": "llmd"},
        resources=None,
        serving={"mode": "disaggregated"},
        scaling={
            "prefill": {"replicas": 1, "gpu": {"count": 1}},
            "decode": {"replicas": 1, "gpu": {"count": 1}},
        },
    ),
}
"""Of each provider whose operator the sandbox has, and one that is several workloads."""


@pytest.fixture
async def running() -> AsyncIterator[Sandbox]:
    """The sandbox with all of them Running."""
    async with Sandbox(timing=Timing.instant(), headless=True) as sandbox:
        for crd in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(sandbox.cluster, crd, field_manager="test")
        settings = Settings(
            cluster="here",
            temporal_address=sandbox.temporal.address,
            kubeconfig=sandbox.kubeconfig,
            registry_mirrors={"docker.io": sandbox.registry.url},
            provider_install=InstallPolicy.AUTO,
        )
        tasks = [asyncio.create_task(run(settings)) for run in (run_worker, run_watcher)]
        stage = Stage(sandbox.cluster, patience=150)
        for body in DEPLOYED.values():
            await stage.create(DEPLOYMENTS, copy.deepcopy(body))
        await stage.until(DEPLOYMENTS, all_run)
        yield sandbox
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def all_run(found: list[Object]) -> bool:
    return len(found) == len(DEPLOYED) and {phase(obj) for obj in found} == {"Running"}


class Unheard(SignalQueue):
    """Takes hints and sends nothing."""

    def __init__(self) -> None:
        super().__init__(cast(SignalSender, None), at_once=0)


async def test_a_watcher_that_begins_finds_nothing_to_do(running: Sandbox) -> None:
    providers = installed_providers()
    fleet = Fleet(providers=frozenset(providers))
    watcher = Watcher(running.cluster, providers, Unheard(), cluster_name="here", fleet=fleet)
    task = asyncio.create_task(watcher.run())
    await fleet.are_deployments_listed.wait()

    def found() -> dict[str, str]:
        differing = {
            ref.name: difference(known, fleet, providers, at_start=True)
            for ref, known in fleet.deployments.items()
        }
        return {name: entry.cause for name, entry in differing.items() if entry is not None}

    # The last writes may be under way: of the operators, of the workflows after them.
    async with asyncio.timeout(90):
        while found() and not task.done():
            await asyncio.sleep(0.1)

    assert found() == {}
    mains = {known.facts.main for known in fleet.deployments.values()}
    assert None not in mains
    assert all(list(fleet.objects_of(known.mark.uid)) for known in fleet.deployments.values())
    task.cancel()
