"""What a deployment was rendered for is read back from the status just as it was recorded."""

from __future__ import annotations

import pytest

from airunway.api.cluster_features import features_condition, recorded_features
from airunway.api.conditions import condition


@pytest.mark.parametrize("taken", [[], ["RoutedByGateway"], ["RoutedByGateway", "spec.a.b"]], ids=repr)
@pytest.mark.parametrize("served", [[], ["RoutedByGateway"]], ids=repr)
def test_the_record_outlives_every_change_of_the_cluster(taken: list[str], served: list[str]) -> None:
    record = features_condition(taken, served)

    assert recorded_features([condition("Ready", "True", "Any"), record]) == taken
    assert record.reason == ("AsRecorded" if set(taken) == set(served) else "ClusterChanged")
    assert ("by now it has" in (record.message or "")) is (set(taken) != set(served))


@pytest.mark.parametrize("said", ["", "another text", "made for a cluster"], ids=repr)
def test_another_text_is_no_record(said: str) -> None:
    assert recorded_features([condition("RenderedForCluster", "True", "AsRecorded", said)]) is None
    assert recorded_features(None) is None
