"""Changing a release: once, under a lock, and repaired when it was left half-way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from airunway.api.chart_release import ChartAction
from airunway.clients.helm import ReleaseFailed, RepositoryUnreachable
from airunway.clients.kubernetes import LEASES, SECRETS
from airunway.clients.lease import locked
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import (
    RELEASE,
    SYSTEM,
    Site,
    chart,
    failure,
    operator,
)

LOCK = f"airunway-release-{RELEASE[1]}-{RELEASE[0]}"


async def test_installing_again_does_nothing(site: Site) -> None:
    first = await site.install()
    before = await versions(site)

    second = await site.install()

    assert (first.changed, second.changed) == (True, False)
    assert site.revision_of(second) == 1
    assert site.helm.log.count("upgrade_or_install") == 1
    assert await versions(site) == before


async def versions(site: Site) -> dict[str, str]:
    secrets = await site.cluster.listing(SECRETS, namespace=RELEASE[1])
    return {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in secrets.items}


async def test_the_values_are_one_document(site: Site) -> None:
    await site.install()

    assert site.helm.asked[0][0].values == {"a": {"b": 1}}


async def test_only_what_ran_before_is_gone_back_to(site: Site) -> None:
    await site.install()
    await site.register(version="1.1.0")
    site.helm.charts["acme/op"] = FakeChart("1.1.0", objects=[operator()])
    await site.install(revision=1)

    # A failed first installation is left for the next attempt; taking it away could take CRDs along.
    assert [atomic for _, atomic in site.helm.asked] == [False, True]


async def test_an_upgrade_that_fails_is_final_and_takes_nothing_away(site: Site) -> None:
    await site.install()
    await site.register(version="1.1.0")
    site.helm.fails = [ReleaseFailed("release acme-op: a pre-upgrade hook failed", rolled_back=True)]

    err = await failure(site.install(revision=1))

    assert (err.type, err.non_retryable) == ("ReleaseFailed", True)
    assert "uninstall" not in site.helm.log
    assert await site.record() == (1, "deployed")


async def test_an_unreachable_repository_is_tried_again(site: Site) -> None:
    site.helm.fails = [RepositoryUnreachable("the repository does not answer")]

    assert not (await failure(site.install())).non_retryable


async def test_what_this_system_left_half_way_is_repaired_first(site: Site) -> None:
    site.helm.dies = True
    err = await failure(site.install())
    assert (err.type, err.non_retryable) == ("HelmCrashed", False)
    assert await site.record() == (1, "pending-install")

    answer = await site.install()

    assert answer.changed
    assert site.helm.log[-2:] == ["repair", "upgrade_or_install"]
    assert await site.record() == (1, "deployed")


async def test_an_upgrade_left_half_way_goes_back_and_then_forward(site: Site) -> None:
    await site.install()
    await site.register(version="1.1.0")
    site.helm.charts["acme/op"] = FakeChart("1.1.0", objects=[operator()])
    site.helm.dies = True
    await failure(site.install(revision=1))

    answer = await site.install(revision=1)

    assert answer.chart is not None and answer.chart.installed_version == "1.1.0"
    assert await site.record() == (2, "deployed")


async def test_a_release_that_somebody_else_works_on_is_waited_for(site: Site) -> None:
    await site.namespace(RELEASE[1])
    await site.helm.record(*RELEASE, 1, "pending-install", FakeChart())

    err = await failure(site.install())

    assert (err.type, err.non_retryable) == ("Busy", False)
    assert site.helm.log == []


async def test_a_release_pending_for_long_has_nobody_at_it(site: Site) -> None:
    await site.namespace(RELEASE[1])
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    await site.helm.record(*RELEASE, 1, "pending-install", FakeChart(), updated=long_ago)

    assert (await site.install()).changed
    assert site.helm.log[0] == "repair"


async def test_an_uninstall_that_was_cut_off_is_brought_to_its_end_first(site: Site) -> None:
    await site.namespace(RELEASE[1])
    await site.helm.record(*RELEASE, 1, "uninstalling", FakeChart(objects=[operator()]))

    assert (await site.install()).changed
    assert site.helm.log == ["uninstall", "upgrade_or_install"]


async def test_another_holder_of_the_lock_is_waited_for(site: Site) -> None:
    held = locked(site.cluster, LOCK, namespace=SYSTEM, holder="provider/other", doing="install")
    async with held:
        err = await failure(site.install())

    assert (err.type, err.non_retryable) == ("Busy", False)
    assert "provider/other" in err.message
    assert (await site.install()).changed


async def test_a_cancelled_installation_leaves_word_for_the_next(site: Site) -> None:
    begun = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        await site.helm.record(*RELEASE, 1, "pending-install", FakeChart())
        begun.set()
        await asyncio.Event().wait()

    await site.namespace(RELEASE[1])
    working, site.helm.upgrade_or_install = site.helm.upgrade_or_install, hang  # type: ignore[assignment]
    env = ActivityEnvironment()
    running = asyncio.create_task(env.run(site.activities.install_chart, chart()))  # type: ignore[arg-type]
    await begun.wait()
    env.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    site.helm.upgrade_or_install = working  # type: ignore[method-assign]

    assert (await site.install()).changed
    assert site.helm.log[0] == "repair"
    lease = await site.cluster.get(LEASES, LOCK, namespace=SYSTEM)
    assert not lease["spec"]["holderIdentity"]
    assert "airunway.ai/begun" not in lease["metadata"].get("annotations", {})


async def test_repair_says_what_it_did(site: Site) -> None:
    site.helm.dies = True
    await failure(site.install())

    answer = await site.repair()

    assert answer.changed
    assert answer.steps[0].output == "removed the record"
    assert not (await site.repair()).changed


async def test_reinstalled_only_as_long_as_it_was_not(site: Site) -> None:
    await site.install()

    first = await site.install(action=ChartAction.REINSTALL, revision=1)
    again = await site.install(action=ChartAction.REINSTALL, revision=1)

    assert (first.changed, site.revision_of(first)) == (True, 2)
    assert (again.changed, site.revision_of(again)) == (False, 2)
