"""`validate`: what admission accepts, fills in and stores, and what every reconcile checks again."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.answers.validation import ADMISSION, CREATE, DEFAULT, RECONCILE, UPDATE
from tests.conformance.loader import Vector


@pytest.mark.parametrize("vector", CREATE.cases())
def test_a_new_object_is_admitted_or_refused_for_the_recorded_fields(vector: Vector) -> None:
    assert disagreements(CREATE, vector) == []


@pytest.mark.parametrize("vector", UPDATE.cases())
def test_a_change_is_admitted_or_refused_for_the_recorded_fields(vector: Vector) -> None:
    assert disagreements(UPDATE, vector) == []


@pytest.mark.parametrize("vector", DEFAULT.cases())
def test_defaulting_fills_in_what_was_recorded(vector: Vector) -> None:
    assert disagreements(DEFAULT, vector) == []


@pytest.mark.parametrize("vector", ADMISSION.cases())
def test_a_raw_object_is_stored_as_recorded(vector: Vector) -> None:
    assert disagreements(ADMISSION, vector) == []


@pytest.mark.parametrize("vector", RECONCILE.cases())
def test_a_stored_object_is_valid_or_not(vector: Vector) -> None:
    assert disagreements(RECONCILE, vector) == []
