"""`select`: the state of a deployment after one reconcile."""

from __future__ import annotations

import pytest

from airunway.installation.metadata import read_metadata
from airunway.installation.state import lacks_only_its_operator
from tests.conformance.agreement import disagreements
from tests.conformance.answers.selecting import DEFAULT_SELECTION, NOW, SELECTION
from tests.conformance.loader import Vector, provider_configs


@pytest.mark.parametrize("vector", SELECTION.cases())
def test_a_reconcile_ends_in_the_recorded_state(vector: Vector) -> None:
    assert disagreements(SELECTION, vector) == []


@pytest.mark.parametrize("vector", DEFAULT_SELECTION.cases())
def test_by_default_only_providers_with_a_matching_rule_are_selected(vector: Vector) -> None:
    assert disagreements(DEFAULT_SELECTION, vector) == []


@pytest.mark.parametrize("vector", SELECTION.cases())
def test_no_recorded_provider_lacks_only_its_operator(vector: Vector) -> None:
    """So what installing operators changes about selection changes no recorded answer."""
    configs = provider_configs(vector.input["provider_configs"])

    found = [
        config["metadata"]["name"]
        for config in configs
        if lacks_only_its_operator(read_metadata(config), config, alive_since=NOW)
    ]

    assert found == []
