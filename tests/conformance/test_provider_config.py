"""What a provider registers about itself, against the recorded InferenceProviderConfigs."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.answers.registration import REGISTRATION
from tests.conformance.loader import Vector


@pytest.mark.parametrize("vector", REGISTRATION.cases())
def test_provider_registers_as_recorded(vector: Vector) -> None:
    assert disagreements(REGISTRATION, vector) == []
