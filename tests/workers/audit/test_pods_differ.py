"""An audit compares a status with the pods too: what they did unseen is a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airunway.api.status import ReplicaStatus, UnifiedStatus
from tests.e2e.acme import ACME
from tests.workers.audit.objects import RUNNING, deployment, fleet_of, put, put_pods, server
from tests.workers.audit.test_differences import found


@pytest.mark.parametrize(
    ("ready", "were_seen", "want"),
    [
        pytest.param([True], True, "", id="its pod serves"),
        pytest.param([True, False], True, "", id="one of two pods serves"),
        pytest.param(
            [False], True, "Server chat has 0/1 ready at chat:80, its status says 1/1 at chat:80", id="no"
        ),
        pytest.param([], False, "", id="none was ever seen, as with labels that nobody sets"),
        pytest.param([], True, "Server chat is Deploying, its status says Running", id="they are gone"),
    ],
)
@pytest.mark.parametrize("at_start", [False, True])
def test_pods_that_changed_unseen_are_a_difference(
    ready: list[bool], were_seen: bool, want: str, at_start: bool
) -> None:
    observed = {**RUNNING, "podsObserved": True} if were_seen else RUNNING
    fleet = fleet_of([deployment(status=observed)], [(server(), "chat")])
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
