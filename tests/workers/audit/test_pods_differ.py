"""An audit compares a status with the pods too: what they did unseen is a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airunway.api.status import ReplicaStatus, UnifiedStatus
from tests.e2e.acme import ACME
from tests.workers.audit.objects import deployment, fleet_of, put, put_pods, server
from tests.workers.audit.test_differences import found, settled


@pytest.mark.parametrize(
    ("ready", "want", "at_start"),
    [
        pytest.param([True], "", False, id="its pod serves"),
        pytest.param([True, False], "", False, id="one of two pods serves"),
        pytest.param(
            [False], "Server chat has 0/1 ready at chat:80, its status says 1/1 at chat:80", False, id="no"
        ),
        pytest.param([], "", False, id="none is there, and perhaps none ever was"),
        pytest.param(
            [], "no pod serves it, and its pods may have gone while nobody watched", True, id="at the start"
        ),
    ],
)
def test_pods_that_changed_unseen_are_a_difference(ready: list[bool], want: str, at_start: bool) -> None:
    fleet = settled()
    put_pods(fleet, *ready)

    assert found(fleet, at_start=at_start) == want


def test_counts_of_pods_are_compared_where_pods_are_known() -> None:
    uncounted = replace(ACME, read_status=_uncounted)
    fleet = fleet_of([deployment()])
    put(fleet, server(), "chat", uncounted)

    assert found(fleet) == "", "the watcher may not see pods, and nobody else counts"
    put_pods(fleet, True)
    assert found(fleet) == ""
    put_pods(fleet, False)
    assert found(fleet).startswith("Server chat has 0/1 ready")


def _uncounted(obj: Mapping[str, Any]) -> UnifiedStatus:
    read = ACME.read_status(obj)
    return read.model_copy(update={"replicas": ReplicaStatus(desired=1)})
