"""What refusals taught stands in a record of words, whatever a model is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airunway.api.cluster_features import features_condition, recorded_features
from airunway.provider.lessons import learned_of, lesson, lessons_among
from airunway.provider.testing import deployment
from tests.e2e.acme import ACME

LEARNER = replace(ACME, learnable=("Small", "Large"), learned_about=lambda given: given.spec.model.id or "")


@pytest.mark.parametrize("model", ["org/model-1.5", "a, b; c", "Small for x", "ä" * 500, ""])
def test_a_lesson_is_read_back_as_it_was_recorded(model: str) -> None:
    about, other = deployment(model={"id": model}), deployment(model={"id": "another/one"})
    entry = lesson(LEARNER, about, "Small")
    recorded = recorded_features([features_condition(["v2", entry], [])])

    assert recorded is not None
    assert lessons_among(LEARNER, recorded) == [entry]
    assert learned_of(LEARNER, about, recorded) == ["Small"]
    assert learned_of(LEARNER, other, recorded) == []
