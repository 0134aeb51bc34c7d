"""Shared prerequisites: what is said of them, and who has no say; files of CRDs: install.md §A14."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
import yaml

from airunway.api.chart_release import ChartAction, ChartRelease
from airunway.installation.chart_policy import ChartPolicy
from airunway.installation.commands import steps_of
from airunway.installation.crd_files import (
    NothingThere,
    NotTouched,
    is_newer,
    may_be_written,
    version_of,
    what_to_do,
)
from airunway.installation.crds import INSTALLED_FOR
from airunway.installation.permissions import kinds_defined, needs_of
from airunway.installation.plan import BadPlan, plan_of
from airunway.installation.prerequisites import (
    GATEWAY_CRDS,
    GPU_OPERATOR,
    GPU_OPERATOR_VERSION,
    PREREQUISITES,
    Prerequisite,
    prerequisite_metadata,
)
from airunway.installation.state import Facts, State, status_of

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
VERSION = "acme.dev/bundle-version"
FILE = ChartRelease(
    release="acme-crds",
    namespace="",
    chart="https://files.acme.dev/v1.5.0/acme.yaml",
    version="v1.5.0",
    is_crd_file=True,
    crds=("tools.acme.dev", "nuts.acme.dev"),
    version_annotation=VERSION,
)


def crd(version: str = "", *, owner: str = "", **meta: Any) -> dict[str, Any]:
    labels = {INSTALLED_FOR: owner} if owner else {}
    return {"metadata": {"annotations": {VERSION: version}, "labels": labels, **meta}}


@pytest.mark.parametrize("known", PREREQUISITES.values(), ids=list(PREREQUISITES))
def test_what_is_installed_for_a_prerequisite_is_pinned_and_looked_for(known: Prerequisite) -> None:
    metadata = prerequisite_metadata(known)

    plan = plan_of(metadata)

    assert (metadata.id, metadata.name, metadata.is_shared) == (known.id, known.name, True)
    assert metadata.warnings == ()
    assert all(chart.version.startswith("v") for chart in plan.charts)
    assert metadata.installable
    assert metadata.health.crds


def test_the_commands_of_prerequisites_are_their_steps() -> None:
    operator, gateway = (
        steps_of(plan_of(prerequisite_metadata(one))) for one in (GPU_OPERATOR, GATEWAY_CRDS)
    )

    assert [step.id for step in operator] == ["repo-add-nvidia", "repo-update", "install-gpu-operator"]
    assert operator[-1].command.endswith(f"--create-namespace --version {GPU_OPERATOR_VERSION}")
    assert [step.id for step in gateway] == ["gateway-api-crds", "inference-extension-crds"]
    assert all(step.command.startswith("kubectl apply --server-side -f https://") for step in gateway)


def test_the_sandbox_pretends_the_version_that_is_installed() -> None:
    chart = resources.files("airunway.sandbox.charts") / "nvidia" / "gpu-operator" / "Chart.yaml"

    assert yaml.safe_load(chart.read_text())["version"] == GPU_OPERATOR_VERSION


def test_an_administrator_has_another_version_installed() -> None:
    chart = {"name": "gpu-operator", "chart": "a/gpu", "version": "v26.1.0", "namespace": "gpu-operator"}
    given = {"helmRepos": [{"name": "a", "url": "https://charts.example.com"}], "helmCharts": [chart]}

    metadata = prerequisite_metadata(GPU_OPERATOR, given=given)

    assert [entry.version for entry in plan_of(metadata).charts] == ["v26.1.0"]
    assert [probe.name for probe in metadata.health.crds] == ["clusterpolicies.nvidia.com"]


@dataclass(frozen=True)
class Floating:
    reason: str
    url: str
    words: str
    digest: str = ""
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.reason


@pytest.mark.parametrize(
    "case",
    [
        Floating("what is newest", "https://files.acme.dev/latest/acme.yaml", "has no part v1.5.0"),
        Floating("plain HTTP", "http://files.acme.dev/v1.5.0/acme.yaml", "is not an https:// URL"),
        Floating(
            "elsewhere than is allowed",
            "https://files.acme.dev/v1.5.0/acme.yaml",
            "is not among AIRUNWAY_CHART_SOURCES",
            sources=("https://github.com",),
        ),
        Floating(
            "no digest", "https://files.acme.dev/latest/acme.yaml", "is no sha256:", digest="sha256:short"
        ),
    ],
    ids=str,
)
def test_a_file_that_would_be_another_tomorrow_is_refused(case: Floating) -> None:
    file = {"name": "acme", "url": case.url, "version": "v1.5.0", "crds": ["a.b"], "digest": case.digest}
    metadata = prerequisite_metadata(GATEWAY_CRDS, given={"crdFiles": [file]})

    with pytest.raises(BadPlan) as raised:
        plan_of(metadata, policy=ChartPolicy(sources=case.sources))

    assert case.words in str(raised.value)


@dataclass(frozen=True)
class Given:
    reason: str
    tools: dict[str, Any] | None
    nuts: dict[str, Any] | None
    action: ChartAction
    words: str
    is_upgrade: bool = False

    def __str__(self) -> str:
        return self.reason


OURS, OLD, NEW = crd("v1.5.0", owner="us"), crd("v1.4.2", owner="us"), crd("v1.6.0", owner="us")
THEIRS = crd("v1.5.0", managedFields=[{"manager": "gke"}])
THEIR_NEW, THEIR_OLD = crd("v1.6.0", labels={}), crd("v1.2.0", labels={})
HELMS = crd("v1.5.0", owner="kaito")


@pytest.mark.parametrize(
    "case",
    [
        Given("nothing is there", None, None, ChartAction.INSTALL, "none of its CRDs"),
        Given("both are as wanted", OURS, OURS, ChartAction.NONE, "v1.5.0 is installed"),
        Given("one of ours is older", OURS, OLD, ChartAction.UPGRADE, "v1.4.2 is installed"),
        Given("one of ours is gone", OURS, None, ChartAction.REINSTALL, "nuts.acme.dev is gone"),
        Given("ours are newer", NEW, NEW, ChartAction.NONE, "v1.6.0 of us is there"),
        Given("a cluster's own", THEIRS, THEIRS, ChartAction.EXTERNALLY_MANAGED, "v1.5.0 of gke is there"),
        Given("a newer one", THEIR_NEW, THEIR_NEW, ChartAction.EXTERNALLY_MANAGED, "of somebody else"),
        Given("an older one", THEIR_OLD, THEIR_OLD, ChartAction.EXTERNALLY_MANAGED, "v1.2.0 of"),
        Given("one is another's", OURS, HELMS, ChartAction.EXTERNALLY_MANAGED, "installation of kaito"),
        Given("upgraded already", THEIRS, THEIRS, ChartAction.EXTERNALLY_MANAGED, "gke", is_upgrade=True),
        Given("an upgrade of ours", OLD, OLD, ChartAction.UPGRADE, "v1.4.2 is installed", is_upgrade=True),
    ],
    ids=str,
)
def test_what_becomes_of_a_file(case: Given) -> None:
    live = {"tools.acme.dev": case.tools, "nuts.acme.dev": case.nuts}

    due = what_to_do(FILE, live, owner="us", is_upgrade=case.is_upgrade)

    assert due.action is case.action
    assert case.words in due.reason


@pytest.mark.parametrize(
    ("tools", "nuts", "is_upgrade", "words"),
    [
        pytest.param(THEIR_OLD, None, False, "without nuts.acme.dev; versions are not mixed", id="half"),
        pytest.param(NEW, None, False, "without nuts.acme.dev; versions are not mixed", id="half of ours"),
        pytest.param(THEIR_OLD, THEIR_OLD, True, "is not changed to v1.5.0 from here", id="their upgrade"),
        pytest.param(THEIR_NEW, THEIR_NEW, True, "is not taken back to v1.5.0", id="their downgrade"),
        pytest.param(NEW, NEW, True, "is not taken back to v1.5.0", id="our downgrade"),
    ],
)
def test_what_is_not_touched_is_said(
    tools: dict[str, Any], nuts: dict[str, Any] | None, is_upgrade: bool, words: str
) -> None:
    with pytest.raises(NotTouched) as raised:
        what_to_do(FILE, {"tools.acme.dev": tools, "nuts.acme.dev": nuts}, owner="us", is_upgrade=is_upgrade)

    assert words in str(raised.value)


def test_nothing_is_upgraded_where_nothing_is() -> None:
    with pytest.raises(NothingThere):
        what_to_do(FILE, dict.fromkeys(FILE.crds), owner="us", is_upgrade=True)


@pytest.mark.parametrize(
    ("version", "other", "newer"),
    [
        ("v1.5.1", "v1.5.0", True),
        ("v1.10.0", "v1.9.0", True),
        ("1.6.0", "v1.5.1", True),
        ("v1.5.0", "v1.5.0-rc.1", True),
        ("v1.5.0-rc.1", "v1.5.0", False),
        ("v1.5.0", "v1.5.0", False),
        ("main", "v1.5.0", False),
        ("v1.5.0", "", True),
    ],
)
def test_which_version_is_newer(version: str, other: str, newer: bool) -> None:
    assert is_newer(version, other) is newer


def test_the_version_of_definitions_is_what_they_say_first() -> None:
    both = {VERSION: "v1.5.1", "app.kubernetes.io/version": "v9.0.0"}

    assert version_of({"metadata": {"annotations": both}}, VERSION) == "v1.5.1"
    assert version_of({"metadata": {"annotations": both | {VERSION: ""}}}, VERSION) == "v9.0.0"
    assert version_of({"metadata": {}}, VERSION) == ""


@pytest.mark.parametrize(
    ("live", "may"),
    [
        pytest.param(None, True, id="absent"),
        pytest.param(OLD, True, id="ours and older"),
        pytest.param(OURS, True, id="ours"),
        pytest.param(NEW, False, id="ours and newer"),
        pytest.param(THEIR_OLD, False, id="somebody else's"),
    ],
)
def test_only_what_is_ours_and_not_newer_is_written_over(live: dict[str, Any] | None, may: bool) -> None:
    assert may_be_written(crd("v1.5.0"), live, annotation=VERSION, owner="us") is may


def test_definitions_count_as_installed_without_a_worker_that_says_so() -> None:
    metadata = prerequisite_metadata(GATEWAY_CRDS)
    names = [probe.name for probe in metadata.health.crds]

    there, half = (
        status_of(metadata, {}, Facts(crds=dict.fromkeys(names, True) | more), alive_since=NOW)
        for more in ({}, {names[-1]: False})
    )

    assert (there.state, there.installed, there.message) == (State.INSTALLED, True, "CRDs found")
    assert (half.state, half.installed) == (State.PARTIAL_CRDS, False)


def test_rights_on_the_kinds_that_a_chart_defines_itself_are_asked_about() -> None:
    definition = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "policies.acme.dev"},
        "spec": {
            "group": "acme.dev",
            "scope": "Cluster",
            "names": {"plural": "policies", "kind": "Policy"},
            "versions": [{"name": "v1"}],
        },
    }
    policy = {"apiVersion": "acme.dev/v1", "kind": "Policy", "metadata": {"name": "one"}}

    needs = needs_of([policy], kinds_defined([definition]), namespace="")

    assert [str(need) for need in needs] == [
        f"{verb} policies.acme.dev" for verb in ("create", "get", "patch")
    ]


def test_a_file_that_is_described_by_half_is_left_out_with_a_warning() -> None:
    file = {"name": "acme", "url": "https://files.acme.dev/v1.0.0/a", "version": "v1.0.0", "crds": ["a.b"]}

    metadata = prerequisite_metadata(GATEWAY_CRDS, given={"crdFiles": [file, {"name": "half"}]})

    assert [entry.name for entry in metadata.crd_files] == ["acme"]
    assert metadata.warnings == ("crdFiles[1]: a file of CRDs needs name, url, version and crds",)
