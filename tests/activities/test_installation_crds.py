"""CRDs that a chart needs beforehand, and waiting until an operator serves them."""

from __future__ import annotations

from pathlib import Path

import yaml
from temporalio.testing import ActivityEnvironment

from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CRDS
from airunway.messages.installation import InstallationRequest, Operation
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import (
    PROVIDER,
    RELEASE,
    Site,
    crd,
    failure,
)


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


async def test_an_operator_that_does_not_come_up_is_reported_with_the_reason(site: Site) -> None:
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
