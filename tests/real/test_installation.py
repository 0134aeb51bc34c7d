"""Installing a provider's operator on real servers: Temporal on PostgreSQL, a real API server, real Helm."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from temporalio.client import WorkflowFailureError

from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CRDS,
)
from airunway.messages.installation import (
    Operation,
)
from tests.real.install_site import Site

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

"""It can_i read everything, and create nothing."""


@pytest.mark.parametrize("source", ["repository", "archive", "registry"])
async def test_an_operator_is_installed_once_from_wherever_its_chart_is(site: Site, source: str) -> None:
    site.worker()
    await site.pods_run()
    if source == "archive":
        await site.register(chart=f"{site.charts.repository}/operator-2.1.0.tgz", version="")
    elif source == "registry":
        await site.register(chart=f"{site.charts.registry}/operator")

    first = await site.do()
    before = await site.versions()
    second = await site.do()

    assert first.succeeded, first.message
    assert (second.succeeded, second.changed) == (True, False)
    assert await site.releases() == [(f"{site.provider}-op", 1, "deployed")]
    assert await site.versions() == before


async def test_an_upgrade_shows_what_changes_and_one_that_fails_goes_back(site: Site) -> None:
    site.worker()
    await site.pods_run()
    await site.do()
    site.charts.add(site.chart(version="2.2.0"))
    await site.register(version="2.2.0", values={"replicas": 2, "apiToken": "hush-hush-hush"})

    plan = await site.plan(Operation.UPGRADE)
    upgraded = await site.do(Operation.UPGRADE)
    await site.register(version="2.2.0", values={"image": "fail-image/operator:1"})
    failed = await site.do(Operation.UPGRADE)

    diff = "\n".join(plan.diff)
    assert "+  replicas: 2" in diff
    assert "hush" not in diff
    assert upgraded.succeeded, upgraded.message
    assert not failed.succeeded
    record = await latest_record(site.cluster, f"{site.provider}-op", namespace=site.space)
    assert record is not None
    assert (record.status, record.chart_version) == ("deployed", "2.2.0")
    assert record.values["replicas"] == 2
    deployment = await site.cluster.get(APPS_DEPLOYMENTS, f"{site.provider}-op", namespace=site.space)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "example/operator:1"


async def test_an_uninstall_keeps_definitions_from_templates(site: Site) -> None:
    site.worker()
    site.charts.add(site.chart("templated-crds"))
    await site.register(chart="test/templated-crds", version="0.10.0", crds=("machines",))
    handle, _ = await site.ask()
    machines = f"machines.{site.group}"
    while await site.cluster.find(CRDS, machines) is None:
        await asyncio.sleep(0.2)
    # Without a pod the operator never counts as installed; the release is there all the same.
    await handle.signal("cancel")
    with suppress(WorkflowFailureError):
        await handle.result()

    plan = await site.plan(Operation.UNINSTALL)
    outcome = await site.do(Operation.UNINSTALL)

    assert machines in plan.deleted_with_it
    assert outcome.succeeded, outcome.message
    assert await site.releases() == []
    assert await site.cluster.find(CRDS, machines) is not None


@pytest.mark.parametrize(
    ("chart", "kind"),
    [("broken", "ChartInvalid"), ("missing", "ChartNotFound")],
)
async def test_a_chart_that_cannot_be_used_is_final(site: Site, chart: str, kind: str) -> None:
    site.worker()
    if chart == "broken":
        site.charts.add(site.chart("broken"))
    await site.register(chart=f"test/{chart}", version="1.0.0")

    outcome = await site.do()

    assert (outcome.succeeded, outcome.kind) == (False, kind), outcome.message
    assert await site.releases() == []


async def test_a_failing_hook_is_final_and_its_release_is_there_for_the_next_attempt(site: Site) -> None:
    site.worker()
    await site.pods_run()
    site.charts.add(site.chart("failing-hook"))
    await site.register(chart="test/failing-hook", version="1.0.0")

    failed = await site.do()
    await site.register()  # the config is corrected: the operator's own chart under the same release
    repaired = await site.do()

    assert not failed.succeeded
    assert repaired.succeeded, repaired.message
    statuses = [status for _, _, status in await site.releases()]
    assert statuses.count("deployed") == 1
    assert not [status for status in statuses if status.startswith("pending")]


async def test_two_providers_of_one_release_wait_for_each_other(site: Site) -> None:
    site.worker()
    await site.pods_run()
    other = f"{site.provider}-2"
    await site.register(other)

    asked = [await site.ask(), await site.ask(provider=other)]
    outcomes = [await site.outcome(*entry) for entry in asked]

    assert [outcome.succeeded for outcome in outcomes] == [True, True], outcomes
    assert await site.releases() == [(f"{site.provider}-op", 1, "deployed")]
