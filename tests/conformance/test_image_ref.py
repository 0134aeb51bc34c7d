"""What GGUF images are called and what is built, against the recorded answers of the reference."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.answers.images import IMAGES
from tests.conformance.loader import Vector


@pytest.mark.parametrize("vector", IMAGES.cases())
def test_images_are_called_as_recorded(vector: Vector) -> None:
    assert disagreements(IMAGES, vector) == []
