"""An installation on real servers that is cut off, at each phase in turn: one release is there at the end."""

from __future__ import annotations

import asyncio
import signal

import pytest
from aiohttp import web

from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CRDS,
    PODS,
    Resource,
)
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    Operation,
)
from tests.real.install_site import Site

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.mark.parametrize("phase", [PREFLIGHT.name, APPLY_CRDS.name, INSTALL_CHART.name, AWAIT_OPERATOR.name])
async def test_a_worker_killed_at_any_phase_is_made_up_for(site: Site, phase: str) -> None:
    victim = site.worker()
    if phase == PREFLIGHT.name:
        await hold_charts(site)
    elif phase == APPLY_CRDS.name:
        await site.register(preInstallMissingCrds=True)
        await hold_charts(site, after=2)  # those of the preflight
    elif phase == AWAIT_OPERATOR.name:
        await site.register(labels="app=late")
        await site.pods_run()
    handle, request = await site.ask()
    await site.until_at(handle, phase)
    if phase == INSTALL_CHART.name:
        await until_pending(site)

    victim.send_signal(signal.SIGKILL)
    victim.wait()
    site.held.set()
    if site.operators is None:
        await site.pods_run()
    if phase == AWAIT_OPERATOR.name:
        await late_pod(site)
    site.worker()

    outcome = await site.outcome(handle, request)
    assert outcome.succeeded, f"{outcome.message}\n{site.processes.logs()}"
    releases = await site.releases()
    assert {name for name, _, _ in releases} == {f"{site.provider}-op"}
    statuses = [status for _, _, status in releases]
    assert statuses.count("deployed") == 1
    assert set(statuses) <= {"deployed", "superseded"}  # a revision that was cut off may be remembered
    assert (await site.do()).changed is False


SLOW = "airunway.example.test/slow"


@pytest.mark.parametrize("phase", ["uninstalling", FINISH_UNINSTALL.name])
async def test_a_worker_killed_during_an_uninstall_is_made_up_for(site: Site, phase: str) -> None:
    victim = site.worker()
    await site.pods_run()
    assert (await site.do()).succeeded
    place = {"namespace": site.space}
    deployment = (await site.cluster.listing(APPS_DEPLOYMENTS, **place)).items[0]["metadata"]["name"]
    held = APPS_DEPLOYMENTS if phase == "uninstalling" else CRDS
    name = deployment if held is APPS_DEPLOYMENTS else f"gadgets.{site.group}"
    where = place if held is APPS_DEPLOYMENTS else {}
    # A finalizer holds the phase open: Helm waits for the Deployment, and a CRD that goes is there still.
    await site.cluster.patch(held, name, {"metadata": {"finalizers": [SLOW]}}, **where)
    handle, request = await site.ask(Operation.UNINSTALL, delete_crds=True)
    await until_going(site, held, name, where)

    victim.send_signal(signal.SIGKILL)
    victim.wait()
    await site.cluster.patch(held, name, {"metadata": {"finalizers": None}}, **where)
    site.worker()

    outcome = await site.outcome(handle, request)
    assert outcome.succeeded, f"{outcome.message}\n{site.processes.logs()}"
    assert await site.releases() == []
    assert await site.cluster.find(APPS_DEPLOYMENTS, deployment, **place) is None
    assert (await site.do()).succeeded


async def until_going(site: Site, kind: Resource, name: str, where: dict[str, str]) -> None:
    """Until an object is being deleted."""
    while "deletionTimestamp" not in (await site.cluster.get(kind, name, **where))["metadata"]:
        await asyncio.sleep(0.1)


async def hold_charts(site: Site, *, after: int = 0) -> None:
    """The chart server answers so many requests, and then none until it is told to."""
    answer, left = site.charts.handle, after

    async def wait_then(request: web.Request) -> web.StreamResponse:
        nonlocal left
        left -= 1
        if left < 0:
            await site.held.wait()
        return await answer(request)

    site.charts.handle = wait_then  # type: ignore[method-assign]


async def until_pending(site: Site) -> None:
    while [status for _, _, status in await site.releases()] != ["pending-install"]:
        await asyncio.sleep(0.1)


async def late_pod(site: Site) -> None:
    body = {
        "metadata": {"name": "late", "labels": {"app": "late"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    await site.cluster.create(PODS, body, namespace=site.space)


async def test_cancel_leaves_no_release_half_way(site: Site) -> None:
    site.worker()
    handle, request = await site.ask()
    await site.until_at(handle, INSTALL_CHART.name)
    await until_pending(site)

    await handle.signal("cancel")

    outcome = await site.outcome(handle, request)
    assert outcome.cancelled
    assert not [status for _, _, status in await site.releases() if status.startswith("pending")]
    await site.pods_run()
    assert (await site.do()).succeeded
