"""Reading a provider's config: install.md §A2, §A3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.installation.metadata import Chart, PodProbe, Repository, read_metadata
from airunway.provider.registry import installed_providers
from tests.installation.build import config


def test_the_worked_example_keeps_what_is_valid_and_warns_of_the_rest() -> None:
    installation = (
        '{"helmRepos":[{"name":"a"}],'
        '"helmCharts":[{"name":" r ","chart":"a/b","namespace":"n","values":[1],"createNamespace":"true",'
        '"preCrdUrls":["u",""," "]},{"name":"x"}],"steps":[{"title":"t"}]}'
    )

    read = read_metadata(config(installation=installation))

    assert read.repositories == ()
    assert read.charts == (Chart(release="r", chart="a/b", namespace="n", pre_crd_urls=("u",)),)
    assert read.steps == ()
    assert read.requires_crd
    assert len(read.warnings) == 4


@pytest.mark.parametrize("text", ["{", "[]", "3", '"x"', "null"])
def test_an_annotation_that_is_no_object_is_missing_with_a_warning(text: str) -> None:
    read = read_metadata(config(installation=text))

    assert read.charts == ()
    assert len(read.warnings) == 1


def test_an_empty_annotation_is_missing_without_a_warning() -> None:
    assert read_metadata(config(installation="")).warnings == ()


@pytest.mark.parametrize("key", ["helmRepos", "helmCharts", "steps"])
def test_a_list_that_is_none_is_empty_with_a_warning(key: str) -> None:
    read = read_metadata(config(installation={key: {"name": "x"}}))

    assert read.warnings == (f"{key}: not a list",)


def test_the_order_of_charts_is_kept() -> None:
    charts = [{"name": name, "chart": "a/b", "namespace": "n"} for name in ("z", "a", "m")]

    read = read_metadata(config(installation={"helmCharts": charts}))

    assert [chart.release for chart in read.charts] == ["z", "a", "m"]


@pytest.mark.parametrize(
    ("name", "annotations", "want"),
    [
        ("kaito", {"display_name": "Other"}, "KAITO"),
        ("llmd", {"display_name": "llm-d"}, "LLM-D"),
        ("acme", {"display_name": "Acme!"}, "Acme!"),
        ("kaito", {"provider_name": "Mine"}, "Mine"),
        ("acme", {}, "Acme"),
    ],
)
def test_the_first_display_name_wins(name: str, annotations: dict[str, str], want: str) -> None:
    assert read_metadata(config(name, **annotations)).name == want


def test_description_and_namespace_fall_back_to_the_installation() -> None:
    read = read_metadata(config(installation={"description": " d ", "defaultNamespace": "ns"}))

    assert (read.description, read.default_namespace) == ("d", "ns")
    bare = read_metadata(config())
    assert bare.description
    assert bare.default_namespace == "default"


@pytest.mark.parametrize(
    ("name", "capabilities", "annotations", "want"),
    [
        (
            "acme",
            {"engines": [{"name": "a", "requiresCRD": False}, {"name": "b", "requiresCRD": False}]},
            {},
            False,
        ),
        ("acme", {"engines": [{"name": "a", "requiresCRD": False}, {"name": "b"}]}, {}, True),
        ("acme", {"engines": [{"name": "a"}], "requiresCRD": False}, {}, False),
        ("acme", {"engines": [{"name": "a"}]}, {"display_name": "vLLM"}, False),
        ("llmd-2", {"engines": [{"name": "a"}]}, {}, True),
        ("LLMD", {"engines": [{"name": "a"}]}, {}, False),
        ("vllm", {"engines": [{"name": "a", "requiresCRD": True}]}, {}, True),
        ("acme", {"engines": ["plain"]}, {}, True),
        ("acme", {}, {}, True),
    ],
)
def test_whether_an_operator_is_needed(
    name: str, capabilities: dict[str, Any], annotations: dict[str, str], want: bool
) -> None:
    given = config(name, **annotations, capabilities=json.dumps(capabilities))

    assert read_metadata(given).requires_crd is want


def test_the_capabilities_of_the_spec_count_where_no_annotation_is() -> None:
    given = config(engines=[{"name": "vllm", "requiresCRD": False}])

    assert not read_metadata(given).requires_crd


def test_a_deprecated_health_block_becomes_two_probes() -> None:
    operator = {
        "namespace": "n",
        "podSelectors": ["a", "b"],
        "fallbackPodSelectors": ["b", "c"],
        "crossNamespacePodSelectors": ["d"],
    }

    health = read_metadata(config(health={"operator": operator})).health

    assert health.operator_pods == (
        PodProbe(selectors=("a", "b", "c"), namespace="n"),
        PodProbe(selectors=("d",)),
    )


@pytest.mark.parametrize("name", sorted(installed_providers()))
def test_every_shipped_provider_is_read_without_a_warning(name: str) -> None:
    registration = installed_providers()[name].registration()
    given = {"metadata": {"name": name, "annotations": registration.annotations}, "spec": registration.spec}

    read = read_metadata(given)

    assert read.warnings == ()
    assert read.installable == (name in ("dynamo", "kaito", "kuberay"))
    assert all(isinstance(entry, Repository) for entry in read.repositories)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["helmRepos", "helmCharts", "steps", "name", "chart", "namespace", "values", "url"])
ODD = st.dictionaries(KEYS, st.lists(st.dictionaries(KEYS, JSON) | JSON, max_size=3) | JSON)


@given(installation=ODD | JSON, health=JSON | st.text(max_size=20))
def test_reading_never_fails(installation: Any, health: Any) -> None:
    read = read_metadata(config(installation=json.dumps(installation), health=json.dumps(health)))

    assert all(chart.release and chart.chart and chart.namespace for chart in read.charts)
