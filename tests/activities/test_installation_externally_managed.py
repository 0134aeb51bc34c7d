"""A preflight where somebody else installed the operator, or owns what a chart would write."""

from __future__ import annotations

import pytest

from airunway.api.chart_release import ChartAction
from airunway.clients.crds import apply_crd
from airunway.messages.installation import Operation
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import RELEASE, Site, crd, failure, operator

OTHER_RELEASE = {"meta.helm.sh/release-name": "theirs", "meta.helm.sh/release-namespace": "elsewhere"}


@pytest.mark.parametrize(
    ("reason", "namespace", "annotations"),
    [
        ("another release in another namespace", "elsewhere", OTHER_RELEASE),
        (
            "another release in the same namespace",
            RELEASE[1],
            {**OTHER_RELEASE, "meta.helm.sh/release-namespace": RELEASE[1]},
        ),
        ("a managed add-on", "kube-system", {}),
    ],
)
async def test_an_operator_of_others_is_used_as_it_is(
    site: Site, reason: str, namespace: str, annotations: dict[str, str]
) -> None:
    await apply_crd(site.cluster, crd("tools"), field_manager="other")
    await site.someone_elses_operator(namespace, annotations=annotations)

    answer = await site.preflight()

    assert answer.charts[0].action is ChartAction.EXTERNALLY_MANAGED, reason
    assert answer.installed
    assert f"{namespace}/their-op" in answer.message
    assert site.helm.log == []


async def test_an_operator_of_others_that_is_broken_is_not_installed_over(site: Site) -> None:
    await apply_crd(site.cluster, crd("tools"), field_manager="other")
    await site.someone_elses_operator(ready=False)

    err = await failure(site.preflight())

    assert (err.type, err.non_retryable) == ("ForeignOperator", True)
    assert "their-op" in err.message
    assert site.helm.log == []


@pytest.mark.parametrize("operation", [Operation.UPGRADE, Operation.UNINSTALL])
async def test_an_operator_of_others_is_theirs_to_change(site: Site, operation: Operation) -> None:
    await apply_crd(site.cluster, crd("tools"), field_manager="other")
    await site.someone_elses_operator()

    assert (await failure(site.preflight(operation))).type == "ForeignOperator"


async def test_an_operator_for_some_namespaces_only_is_warned_of(site: Site) -> None:
    await apply_crd(site.cluster, crd("tools"), field_manager="other")
    await site.someone_elses_operator(env=[{"name": "WATCH_NAMESPACE", "value": "team-a"}])

    answer = await site.preflight()

    assert any("team-a" in warning for warning in answer.warnings)


async def test_a_second_operator_is_warned_of(site: Site) -> None:
    await site.installed()
    await site.someone_elses_operator()

    answer = await site.preflight()

    assert any("second operator" in warning for warning in answer.warnings)


async def test_definitions_of_others_among_the_templates_are_found_before_anything_is_written(
    site: Site,
) -> None:
    site.helm.charts["acme/op"] = FakeChart(objects=[crd("tools"), operator()])
    theirs = crd("tools")
    theirs["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "aks-addon"}
    await apply_crd(site.cluster, theirs, field_manager="other")

    err = await failure(site.preflight())

    assert (err.type, err.non_retryable) == ("OwnershipClash", True)
    assert "tools.acme.dev" in err.message
    assert "aks-addon" in err.message
    assert site.helm.log == ["render"]


async def test_definitions_that_an_earlier_release_left_are_taken_over(site: Site) -> None:
    site.helm.charts["acme/op"] = FakeChart(objects=[crd("tools"), operator()])
    await site.install()
    await site.uninstall()

    assert (await site.preflight()).charts[0].action is ChartAction.INSTALL
