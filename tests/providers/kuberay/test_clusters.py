"""How many workers a RayCluster is given: all of it, or within which bounds Ray's autoscaler may choose."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider import MainObject
from airunway.provider.testing import deployment
from airunway.providers.kuberay.clusters import worker_counts
from tests.providers.kuberay.build import service

AUTOSCALED = {"enableInTreeAutoscaling": True}


def given_to(
    *, asked: dict[str, Any] | None = None, made: dict[str, Any] | None = None, pending: str = ""
) -> dict[str, Any]:
    """By the last step of each path: what a cluster of one to nine workers, five now, is to have for three.

    `asked`, `made`: what else the RayService and the cluster say.
    """
    wanted = service(deployment(scaling={"replicas": 3}))
    wanted["spec"]["rayClusterConfig"] |= asked or {}
    live = {
        "metadata": {"name": "chat", "generation": 1},
        "status": {
            "observedGeneration": 1,
            "activeServiceStatus": {"rayClusterName": "chat-a"},
            "pendingServiceStatus": {"rayClusterName": pending},
        },
    }
    group = {"groupName": "gpu-workers", "replicas": 5, "minReplicas": 1, "maxReplicas": 9}
    cluster = {"metadata": {"name": "chat-a"}, "spec": {"workerGroupSpecs": [group], **(made or {})}}
    return {
        str(field.path[-1]): field.value
        for field in worker_counts(MainObject(live=live, wanted=wanted), cluster)
    }


@pytest.mark.parametrize(
    ("reason", "given", "wanted"),
    [
        ("nobody else scales", {}, {"replicas": 3, "minReplicas": 3, "maxReplicas": 3}),
        (
            "an autoscaler that was asked for",
            {"asked": AUTOSCALED, "made": AUTOSCALED},
            {"minReplicas": 3, "maxReplicas": 3},
        ),
        ("one that somebody else put on the cluster", {"made": AUTOSCALED}, {}),
        (
            "one that comes with the next cluster only",
            {"asked": AUTOSCALED, "pending": "chat-b"},
            {"replicas": 3, "minReplicas": 3, "maxReplicas": 3},
        ),
    ],
)
def test_bounds_follow_where_an_autoscaler_was_asked_for(
    reason: str, given: dict[str, Any], wanted: dict[str, int]
) -> None:
    assert given_to(**given) == wanted, reason
