"""Taking an operator away: what stays, what is forgotten, what is refused."""

from __future__ import annotations

import pytest

from airunway.api.chart_release import ChartAction
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import CONFIGS, CRDS, SECRETS
from airunway.messages.installation import Operation
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import (
    PROVIDER,
    RELEASE,
    SYSTEM,
    TOOLS,
    Site,
    crd,
    failure,
    operator,
)


async def test_uninstalling_keeps_the_definitions_and_what_there_is_of_them(site: Site) -> None:
    site.helm.charts["acme/op"] = FakeChart(objects=[crd("tools"), operator()])
    await site.install()
    await site.tool("hammer")

    answer = await site.uninstall()

    assert answer.changed
    assert "CRD tools.acme.dev stays" in answer.lines
    assert await site.cluster.find(TOOLS, "hammer", namespace="default")
    assert await site.record() is None


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
    assert await site.record() == (1, "deployed")


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
    name = await site.keep_values("{}")

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
    name = await site.keep_values("{}")

    await site.finish()
    await site.finish()

    assert await site.cluster.find(SECRETS, name, namespace=SYSTEM) is None


# -- what the preflight says -----------------------------------------------------------------------------


async def test_a_provider_in_use_stays(site: Site) -> None:
    await site.installed()
    await site.deployment("chat")

    err = await failure(site.preflight(Operation.UNINSTALL))
    plan = await site.preflight(Operation.UNINSTALL, with_diff=True)

    assert err.type == "ProviderInUse"
    assert "default/chat" in err.message
    assert plan.used == ["default/chat"]


async def test_what_helm_would_delete_along_is_reported(site: Site) -> None:
    site.helm.charts["acme/op"] = FakeChart(objects=[crd("tools"), operator()])
    await site.installed()
    await site.tool("hammer")

    answer = await site.preflight(Operation.UNINSTALL)

    assert answer.deleted_with_it == ["tools.acme.dev", "Tool default/hammer"]
    assert answer.charts[0].action is ChartAction.UNINSTALL


async def test_definitions_are_not_deleted_while_there_are_resources(site: Site) -> None:
    await site.installed()
    await site.tool("hammer")

    err = await failure(site.preflight(Operation.UNINSTALL, delete_crds=True))

    assert err.type == "ResourcesInUse"
    assert "Tool default/hammer" in err.message


async def test_nothing_to_uninstall_is_no_failure(site: Site) -> None:
    assert (await site.preflight(Operation.UNINSTALL)).charts[0].action is ChartAction.NONE
