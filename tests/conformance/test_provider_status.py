"""What the state of an upstream object means, against the recorded answers of the reference."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.answers.states import STATES
from tests.conformance.loader import Vector


@pytest.mark.parametrize("vector", STATES.cases())
def test_upstream_state_reads_as_recorded(vector: Vector) -> None:
    assert disagreements(STATES, vector) == []
