"""From a config to what is done: install.md §A4."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from airunway.installation.chart_policy import ChartPolicy
from airunway.installation.commands import commands_of, steps_of
from airunway.installation.metadata import read_metadata
from airunway.installation.plan import BadPlan, InstallationPlan, plan_of
from tests.installation.build import ANOTHER_REPO, CHART, KAITO_CHART, REPO, config


def plan(
    charts: list[dict[str, Any]],
    *,
    name: str = "acme",
    repos: list[dict[str, Any]] | None = None,
    **more: Any,
) -> InstallationPlan:
    installation = {"helmRepos": [ANOTHER_REPO] if repos is None else repos, "helmCharts": charts}
    return plan_of(read_metadata(config(name, installation=installation)), **more)


def test_kaito_gets_its_missing_crds_first_whatever_the_annotation_says() -> None:
    (chart,) = plan([KAITO_CHART], name="kaito", repos=[REPO]).charts

    assert chart.pre_install_missing_crds
    assert chart.skip_crds
    assert chart.repository_url == REPO["url"]


@pytest.mark.parametrize(
    ("reason", "name", "chart", "forced"),
    [
        (
            "dynamo by its release",
            "dynamo",
            {"name": "dynamo-platform", "chart": "https://x.example/y.tgz"},
            True,
        ),
        ("another release of dynamo", "dynamo", {"name": "other", "chart": "https://x.example/y.tgz"}, False),
        ("kaito's chart of another provider", "acme", {"name": "w", "chart": "kaito/workspace"}, False),
        ("another chart of kaito", "kaito", {"name": "w", "chart": "kaito/other"}, False),
    ],
)
def test_only_two_charts_are_forced(reason: str, name: str, chart: dict[str, str], forced: bool) -> None:
    (planned,) = plan([{**chart, "namespace": "n", "version": "1.0.0"}], name=name, repos=[REPO]).charts

    assert planned.pre_install_missing_crds is forced, reason


def test_the_annotation_may_ask_for_the_same() -> None:
    (chart,) = plan([{**CHART, "preInstallMissingCrds": True}]).charts

    assert chart.pre_install_missing_crds
    assert chart.skip_crds


def test_steps_come_in_the_contracts_order_under_its_ids() -> None:
    charts = [
        {**CHART, "name": "first", "preCrdUrls": ["https://x.example/d/one.yaml"]},
        {**CHART, "name": "second", "preInstallMissingCrds": True},
    ]

    ids = [step.id for step in steps_of(plan(charts))]

    assert ids == [
        "repo-add-a",
        "repo-update",
        "apply-crd-one.yaml",
        "install-first",
        "crds-second",
        "install-second",
    ]


def test_without_a_repository_none_is_read() -> None:
    planned = plan([{**CHART, "chart": "oci://x.example/y"}], repos=[])

    assert [step.id for step in steps_of(planned)] == ["install-r"]


def test_flags_come_in_the_references_order() -> None:
    chart = {
        **CHART,
        "createNamespace": True,
        "version": "1.2.3",
        "values": {"a.b": {"x": "it's"}, "c": True},
        "skipCrds": True,
    }

    words = shlex.split(commands_of(plan([chart]))[-1])

    assert words == [
        *["helm", "upgrade", "r", "a/b", "--install", "--namespace", "n", "--create-namespace"],
        *["--version", "1.2.3", "--set-json", 'a.b={"x":"it\'s"}', "--set-json", "c=true", "--skip-crds"],
    ]


def test_a_fetch_url_is_the_chart_and_says_its_version_itself() -> None:
    chart = {**CHART, "fetchUrl": "https://x.example/c-1.0.0.tgz?a=b", "version": "9"}

    (planned,) = plan([chart]).charts

    assert planned.chart == "https://x.example/c-1.0.0.tgz?a=b"
    assert planned.version == ""


def test_values_of_a_person_lie_over_those_of_the_config() -> None:
    chart = {**CHART, "values": {"a.b": 1, "a.c": 2}}

    (planned,) = plan([chart], overrides={"a": {"b": 3}}).charts

    assert planned.values == {"a": {"b": 3, "c": 2}}


@pytest.mark.parametrize(
    ("reason", "chart", "repos"),
    [
        ("a flag as a release", {"name": "--debug"}, [ANOTHER_REPO]),
        ("a flag as a namespace", {"namespace": "-n"}, [ANOTHER_REPO]),
        ("a flag as a version", {"version": "--devel"}, [ANOTHER_REPO]),
        ("a path as a chart", {"chart": "/etc/chart"}, [ANOTHER_REPO]),
        ("a relative path as a chart", {"chart": "./a/b"}, [ANOTHER_REPO]),
        ("a path upwards", {"chart": "a/../../b"}, [ANOTHER_REPO]),
        ("a chart without its repository", {"chart": "b"}, [ANOTHER_REPO]),
        ("a repository that is not declared", {"chart": "other/b"}, [ANOTHER_REPO]),
        ("a chart by plain HTTP", {"chart": "http://x.example/c.tgz"}, [ANOTHER_REPO]),
        ("a chart from a file", {"chart": "file:///etc/c.tgz"}, [ANOTHER_REPO]),
        ("a password in a URL", {"chart": "https://u:p@x.example/c.tgz"}, [ANOTHER_REPO]),
        ("CRDs by plain HTTP", {"preCrdUrls": ["http://x.example/c.yaml"]}, [ANOTHER_REPO]),
        ("a repository by plain HTTP", {}, [{"name": "a", "url": "http://x.example"}]),
        ("a flag as a repository", {}, [{"name": "--x", "url": "https://x.example"}]),
        ("a value path that cannot be read", {"values": {"a..b": 1}}, [ANOTHER_REPO]),
        ("an upper-case namespace", {"namespace": "N"}, [ANOTHER_REPO]),
    ],
)
def test_what_could_do_harm_is_refused(
    reason: str, chart: dict[str, Any], repos: list[dict[str, str]]
) -> None:
    with pytest.raises(BadPlan):
        plan([{**CHART, **chart}], repos=repos)


def test_every_finding_is_named_at_once() -> None:
    with pytest.raises(BadPlan, match=r"(?s)-bad.*/etc/chart"):
        plan([{**CHART, "name": "-bad"}, {**CHART, "chart": "/etc/chart"}])


def test_this_machine_may_be_spoken_to_without_tls() -> None:
    repos = [{"name": "a", "url": "http://127.0.0.1:8080/charts"}]

    assert plan([CHART], repos=repos).charts[0].repository_url == repos[0]["url"]


@pytest.mark.parametrize(
    ("reason", "chart", "mirrors", "want"),
    [
        (
            "to another URL",
            {},
            {"https://charts.example.com": "https://m.example"},
            ("a/b", "https://m.example/a"),
        ),
        (
            "to packed charts",
            {"version": "1.0.0"},
            {"https://charts.example.com/a": "/m"},
            ("/m/b-1.0.0.tgz", ""),
        ),
        ("to unpacked charts", {"version": "1.0.0"}, {"https://charts.example.com/a": "/m/"}, ("/m/b", "")),
        (
            "of an archive",
            {"chart": "https://x.example/c.tgz"},
            {"https://x.example": "/m"},
            ("/m/c.tgz", ""),
        ),
        (
            "of a registry",
            {"chart": "oci://x.example/c"},
            {"oci://x.example": "oci://m.example"},
            ("oci://m.example/c", ""),
        ),
        (
            "the longest prefix",
            {},
            {"https://": "/no", "https://charts.example.com/": "https://m.example/"},
            ("a/b", "https://m.example/a"),
        ),
        ("that does not fit", {}, {"https://other.example": "/m"}, ("a/b", "https://charts.example.com/a")),
    ],
)
def test_a_mirror_is_asked_instead(
    reason: str, chart: dict[str, str], mirrors: dict[str, str], want: tuple[str, str]
) -> None:
    (planned,) = plan([{**CHART, **chart}], policy=ChartPolicy(mirrors=mirrors)).charts

    assert (planned.source, planned.repository_url) == want, reason


def test_commands_name_the_config_and_not_the_mirror() -> None:
    planned = plan([CHART], policy=ChartPolicy(mirrors={"https://": "/m/"}))

    assert "/m/" not in " ".join(commands_of(planned))
