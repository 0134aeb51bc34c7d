"""The chart's dashboard is read as Grafana reads it."""

from __future__ import annotations

import pytest

from tests.metrics.panels import Target, panels, scale_of


def test_variables_of_a_query_have_the_values_that_they_have_at_first() -> None:
    target = Target('sum(rate(airunway_x_total{cluster=~"$cluster"}[$__rate_interval]))', "")

    assert target.query == 'sum(rate(airunway_x_total{cluster=~".*"}[10s]))'


def test_no_query_has_a_variable_that_nobody_fills_in() -> None:
    queries = [target.query for panel in panels() for target in panel.targets]

    assert queries and [query for query in queries if "$" in query] == []


def test_no_age_counts_from_what_has_not_happened_yet() -> None:
    ages = [
        target.expression
        for panel in panels()
        for target in panel.targets
        if target.expression.startswith("time() -")
    ]

    assert ages and [expression for expression in ages if not expression.endswith("> 0)")] == []


def test_a_line_is_called_by_its_labels() -> None:
    labels = {"provider": "kaito", "instance": "10.0.0.1:8443"}

    assert Target("up", "{{provider}} p50 {{gone}}").name_of(labels) == "kaito p50"


@pytest.mark.parametrize(
    ("unit", "greatest", "want"),
    [
        ("short", 12, (1, "")),
        ("s", 0.004, (0.001, " ms")),
        ("s", 90, (60, " min")),
        ("s", 0, (1, " s")),
        ("bytes", 300 * 2**20, (2**20, " MiB")),
        ("ops", 0.2, (1, " ops/s")),
    ],
)
def test_values_are_shown_in_a_unit_of_their_size(
    unit: str, greatest: float, want: tuple[float, str]
) -> None:
    assert scale_of(unit, greatest) == want


def test_every_panel_has_a_unit_and_a_kind_that_can_be_drawn() -> None:
    assert {panel.kind for panel in panels()} == {"row", "stat", "timeseries"}
    assert {panel.unit for panel in panels()} == {"short", "s", "bytes", "ops"}


def test_a_number_has_the_colour_of_the_highest_step_that_it_has_reached() -> None:
    (failed,) = (panel for panel in panels() if panel.title == "Failed")

    assert [failed.color_of(value) for value in (0, 1, 5)] == ["green", "red", "red"]
