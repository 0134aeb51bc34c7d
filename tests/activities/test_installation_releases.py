"""Changing a release: once, under a lock, and mended when it was left half-way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from temporalio.testing import ActivityEnvironment

from airunway.api.chart_release import ChartAction
from airunway.clients.crds import apply_crd
from airunway.clients.errors import NotFound
from airunway.clients.helm import ReleaseFailed, RepositoryUnreachable
from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import CONFIGS, CRDS, LEASES, SECRETS
from airunway.clients.lease import locked
from airunway.messages.installation import ChartAnswer, InstallationRequest, Operation
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import (
    PROVIDER,
    RELEASE,
    SYSTEM,
    TOOLS,
    Site,
    chart,
    crd,
    failure,
    operator,
)

LOCK = f"airunway-release-{RELEASE[1]}-{RELEASE[0]}"


async def record(site: Site) -> tuple[int, str] | None:
    found = await latest_record(site.cluster, RELEASE[0], namespace=RELEASE[1])
    return (found.revision, found.status) if found else None


def revision(answer: ChartAnswer) -> int:
    assert answer.chart is not None
    return answer.chart.revision


async def test_installing_again_does_nothing(site: Site) -> None:
    first = await site.install()
    before = await versions(site)

    second = await site.install()

    assert (first.changed, second.changed) == (True, False)
    assert revision(second) == 1
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
    assert await record(site) == (1, "deployed")


async def test_an_unreachable_repository_is_tried_again(site: Site) -> None:
    site.helm.fails = [RepositoryUnreachable("the repository does not answer")]

    assert not (await failure(site.install())).non_retryable


async def test_what_this_system_left_half_way_is_mended_first(site: Site) -> None:
    site.helm.dies = True
    err = await failure(site.install())
    assert (err.type, err.non_retryable) == ("HelmCrashed", False)
    assert await record(site) == (1, "pending-install")

    answer = await site.install()

    assert answer.changed
    assert site.helm.log[-2:] == ["repair", "upgrade_or_install"]
    assert await record(site) == (1, "deployed")


async def test_an_upgrade_left_half_way_goes_back_and_then_forward(site: Site) -> None:
    await site.install()
    await site.register(version="1.1.0")
    site.helm.charts["acme/op"] = FakeChart("1.1.0", objects=[operator()])
    site.helm.dies = True
    await failure(site.install(revision=1))

    answer = await site.install(revision=1)

    assert answer.chart is not None and answer.chart.installed_version == "1.1.0"
    assert await record(site) == (2, "deployed")


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


async def test_repair_mends_and_says_what_it_did(site: Site) -> None:
    site.helm.dies = True
    await failure(site.install())

    answer = await site.repair()

    assert answer.changed
    assert answer.steps[0].output == "removed the record"
    assert not (await site.repair()).changed


async def test_installed_anew_only_as_long_as_it_was_not(site: Site) -> None:
    await site.install()

    first = await site.install(action=ChartAction.REINSTALL, revision=1)
    again = await site.install(action=ChartAction.REINSTALL, revision=1)

    assert (first.changed, revision(first)) == (True, 2)
    assert (again.changed, revision(again)) == (False, 2)


# -- CRDs --------------------------------------------------------------------------------------------------


async def test_missing_crds_come_first_and_existing_ones_are_left_alone(site: Site) -> None:
    await site.register(preInstallMissingCrds=True)
    site.helm.charts["acme/op"] = FakeChart(crds=[crd("nuts"), crd("tools")])
    await apply_crd(site.cluster, crd("tools"), field_manager="other")
    before = await site.cluster.get(CRDS, "tools.acme.dev")

    answer = await site.crds()

    assert [step.step for step in answer.steps] == ["apply-crd-nuts-acme-dev", "skip-crd-tools-acme-dev"]
    assert await site.cluster.get(CRDS, "tools.acme.dev") == before
    assert (await site.crds()).steps[0].step == "skip-crd-nuts-acme-dev"


async def test_helm_brings_the_crds_of_a_first_installation_itself(site: Site) -> None:
    assert (await site.crds()).steps == []


async def test_crds_that_are_gone_come_back_with_an_upgrade(site: Site) -> None:
    await site.install()
    await site.cluster.delete(CRDS, "tools.acme.dev")

    answer = await site.crds(revision=1)

    assert [step.step for step in answer.steps] == ["apply-crd-tools-acme-dev"]


async def test_crds_named_by_url_are_applied(site: Site, tmp_path: Path) -> None:
    (tmp_path / "charts" / "more.yaml").write_text(yaml.safe_dump_all([crd("nuts"), crd("bolts")]))
    await site.register(preCrdUrls=["https://files.acme.dev/more.yaml"])

    answer = await site.crds()

    assert [step.step for step in answer.steps] == ["apply-crd-more.yaml"]
    assert await site.cluster.find(CRDS, "bolts.acme.dev")


async def test_nothing_but_crds_is_taken_from_a_url(site: Site, tmp_path: Path) -> None:
    (tmp_path / "charts" / "more.yaml").write_text("kind: ClusterRoleBinding\nmetadata: {name: x}\n")
    await site.register(preCrdUrls=["https://files.acme.dev/more.yaml"])

    assert (await failure(site.crds())).type == "BadInstallation"


# -- uninstall ---------------------------------------------------------------------------------------------


async def test_uninstalling_keeps_the_definitions_and_what_there_is_of_them(site: Site) -> None:
    site.helm.charts["acme/op"] = FakeChart(objects=[crd("tools"), operator()])
    await site.install()
    await site.tool("hammer")

    answer = await site.uninstall()

    assert answer.changed
    assert "CRD tools.acme.dev stays" in answer.lines
    assert await site.cluster.find(TOOLS, "hammer", namespace="default")
    assert await record(site) is None


async def test_uninstalling_again_does_nothing(site: Site) -> None:
    await site.install()
    await site.uninstall()

    assert not (await site.uninstall()).changed


async def test_an_uninstall_waits_for_another_helm(site: Site) -> None:
    await site.namespace(RELEASE[1])
    await site.helm.record(*RELEASE, 2, "pending-upgrade", FakeChart())

    err = await failure(site.uninstall())

    assert (err.type, err.non_retryable) == ("Busy", False)
    assert site.helm.log == []


async def test_a_provider_that_is_used_since_it_was_looked_at_stays(site: Site) -> None:
    await site.install()
    await site.deployment("chat")

    err = await failure(site.uninstall())

    assert (err.type, err.non_retryable) == ("ProviderInUse", True)
    assert "default/chat" in err.message
    assert await record(site) == (1, "deployed")


async def test_a_provider_without_its_operator_is_not_chosen_any_more(site: Site) -> None:
    await site.says_ready()

    await site.finish()
    await site.finish()

    config = await site.cluster.get(CONFIGS, PROVIDER)
    assert config["status"]["ready"] is False
    assert config["status"]["version"] == "1"
    upstream = next(entry for entry in config["status"]["conditions"] if entry["type"] == "UpstreamReady")
    assert (upstream["status"], upstream["reason"]) == ("False", "UpstreamControllerMissing")
    assert [entry["type"] for entry in config["status"]["conditions"]] == ["WorkerAlive", "UpstreamReady"]


async def test_a_provider_with_an_operator_of_others_is_chosen_still(site: Site) -> None:
    await site.says_ready()
    await site.someone_elses_operator(app="acme-operator")

    await site.finish()

    assert (await site.cluster.get(CONFIGS, PROVIDER))["status"]["ready"] is True


async def test_values_are_forgotten_though_definitions_stay(site: Site) -> None:
    await site.install()
    await site.uninstall()
    await site.tool("hammer")
    name = f"airunway-values-{PROVIDER}"
    secret = {"metadata": {"name": name}, "stringData": {"values.yaml": "{}"}}
    await site.cluster.create(SECRETS, secret, namespace=SYSTEM)

    err = await failure(site.finish(delete_crds=True))

    assert err.type == "ResourcesInUse"
    assert await site.cluster.find(SECRETS, name, namespace=SYSTEM) is None


async def test_definitions_go_when_that_is_asked(site: Site) -> None:
    site.helm.charts["acme/op"] = FakeChart(objects=[crd("tools"), operator()])
    await site.install()

    await site.uninstall(delete_crds=True)
    await site.finish(delete_crds=True)

    with pytest.raises(NotFound):
        await site.cluster.get(CRDS, "tools.acme.dev")


async def test_values_of_a_person_are_forgotten_with_the_operator(site: Site) -> None:
    name = f"airunway-values-{PROVIDER}"
    secret = {"metadata": {"name": name}, "stringData": {"values.yaml": "{}"}}
    await site.cluster.create(SECRETS, secret, namespace=SYSTEM)

    await site.finish()
    await site.finish()

    assert await site.cluster.find(SECRETS, name, namespace=SYSTEM) is None


async def test_an_operator_that_does_not_come_up_is_told_with_the_reason(site: Site) -> None:
    await site.install()
    request = InstallationRequest(provider=PROVIDER, operation=Operation.INSTALL)

    err = await failure(ActivityEnvironment().run(site.activities.await_operator, request))  # type: ignore[arg-type]
    await site.pod(RELEASE[1])
    answer = await ActivityEnvironment().run(site.activities.await_operator, request)  # type: ignore[misc]

    assert err.type == "OperatorNotReady"
    assert "no operator pod is ready" in err.message
    assert answer.installed


async def test_definitions_that_are_not_served_are_waited_for(site: Site) -> None:
    await site.install()
    await site.pod(RELEASE[1])
    request = InstallationRequest(provider=PROVIDER, operation=Operation.INSTALL)
    waits = {"status": {"conditions": [{"type": "Established", "status": "False"}]}}
    await site.cluster.patch(CRDS, "tools.acme.dev", waits, subresource="status")

    err = await failure(ActivityEnvironment().run(site.activities.await_operator, request))  # type: ignore[arg-type]

    assert err.type == "OperatorNotReady"
    assert "tools.acme.dev is not established" in err.message
