"""Which objects a provider writes, against the recorded objects of the reference."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.answers.rendering import RENDERING
from tests.conformance.loader import Vector


@pytest.mark.parametrize("vector", RENDERING.cases())
def test_provider_writes_the_recorded_objects(vector: Vector) -> None:
    assert disagreements(RENDERING, vector) == []
