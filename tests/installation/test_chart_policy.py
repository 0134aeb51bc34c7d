"""Which addresses lie below an allowed source."""

from __future__ import annotations

import pytest

from airunway.installation.chart_policy import ChartPolicy, is_below

SOURCE = "https://charts.example.com/stable"


@pytest.mark.parametrize(
    "url",
    [
        SOURCE,
        f"{SOURCE}/",
        f"{SOURCE}/a-1.0.0.tgz",
        "https://charts.example.com:443/stable/a",
        f"{SOURCE}/a?b",
        f"{SOURCE}/a?signature=x%2Fy",
    ],
)
def test_what_is_below_a_source_is_allowed(url: str) -> None:
    assert is_below(url, SOURCE)


@pytest.mark.parametrize(
    "url",
    [
        "http://charts.example.com/stable/a",
        "oci://charts.example.com/stable/a",
        "https://charts.example.com/stablex",
        "https://charts.example.com.evil.example.com/stable/a",
        "https://charts.example.com:8443/stable/a",
        "https://evil.example.com/https://charts.example.com/stable/a",
        f"{SOURCE}/../evil/a",
        f"{SOURCE}/..",
        f"{SOURCE}/%2e%2e/evil",
        f"{SOURCE}/..%2fevil",
        f"{SOURCE}\\..\\evil",
        f"{SOURCE}/..;/evil/a",
        f"{SOURCE}/%252e%252e/evil",
        f"{SOURCE}/.\t./evil",
        f"{SOURCE}/a%00b",
        "https://evil.example.com\\@charts.example.com/stable/a",
        "https://charts.example.com\t.evil.example.com/stable/a",
        "https://charts.example.com:0/stable/a",
        "https://charts.example.com@evil.example.com/stable/a",
        "https://charts.example.com:bad/stable/a",
    ],
)
def test_what_is_elsewhere_is_not(url: str) -> None:
    assert not is_below(url, SOURCE)


def test_without_sources_nothing_is_limited() -> None:
    assert ChartPolicy().allows("https://anywhere.example.com/a")
    assert not ChartPolicy(sources=[SOURCE]).allows("https://anywhere.example.com/a")
