"""Replicas that are somebody else's: what is wanted says what is there, whichever provider's object it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airunway.activities.upstream.external_replicas import with_live_replicas
from airunway.activities.upstream.inspection import Inspection, Target
from airunway.activities.upstream.ownership import digest_of
from airunway.provider import UpstreamKind
from airunway.provider.registry import installed_providers

KIND = UpstreamKind(api_version="a/v1", kind="A", plural="as")


def followed(desired: dict[str, Any], live: dict[str, Any] | None, provider: str) -> Target:
    inspection = Inspection(targets=[Target(kind=KIND, desired=desired, live=live)])
    return with_live_replicas(inspection, installed_providers()[provider].replica_fields).targets[0]


def groups(**replicas: int) -> dict[str, Any]:
    made = [
        {"groupName": name, "replicas": count, "minReplicas": count, "maxReplicas": count, "template": {}}
        for name, count in replicas.items()
    ]
    return {"spec": {"rayClusterConfig": {"workerGroupSpecs": made}}}


@pytest.mark.parametrize(
    ("provider", "desired", "live", "wanted"),
    [
        (
            "vllm",
            {"spec": {"replicas": 1, "x": 1}},
            {"spec": {"replicas": 4}},
            {"spec": {"replicas": 4, "x": 1}},
        ),
        ("llmd", {"spec": {"replicas": 1}}, {"spec": {"replicas": 0}}, {"spec": {"replicas": 0}}),
        ("vllm", {"spec": {"type": "ClusterIP"}}, {"spec": {"replicas": 4}}, {"spec": {"type": "ClusterIP"}}),
        ("vllm", {"spec": {"replicas": 2}}, {"spec": {}}, {"spec": {"replicas": 2}}),
        ("vllm", {"spec": {"replicas": 2}}, None, {"spec": {"replicas": 2}}),
        (
            "dynamo",
            {"spec": {"services": {"Worker": {"replicas": 1, "y": 2}, "Frontend": {"replicas": 1}}}},
            {"spec": {"services": {"Worker": {"replicas": 6}, "Other": {"replicas": 3}}}},
            {"spec": {"services": {"Worker": {"replicas": 6, "y": 2}, "Frontend": {"replicas": 1}}}},
        ),
        ("kuberay", groups(a=1, b=2), groups(b=7, a=5), groups(a=5, b=7)),
        ("kaito", {"resource": {"count": 1}}, {"resource": {"count": 2}}, {"resource": {"count": 1}}),
    ],
)
def test_only_replicas_follow_what_is_there(
    provider: str, desired: dict[str, Any], live: dict[str, Any] | None, wanted: dict[str, Any]
) -> None:
    given = copy.deepcopy(desired)

    assert followed(given, live, provider).desired == wanted
    assert given == desired


def test_its_digest_is_the_same_whatever_the_replicas_are_and_another_than_without() -> None:
    desired = {"spec": {"replicas": 1}}

    digests = {
        digest_of(followed(desired, {"spec": {"replicas": count}}, "vllm").told_by or {})
        for count in (0, 1, 9)
    }

    assert len(digests) == 1
    assert digests != {digest_of(desired)}


def test_a_replica_count_that_is_no_number_is_not_followed() -> None:
    for odd in ("3", True, None, {"a": 1}):
        assert followed({"spec": {"replicas": 2}}, {"spec": {"replicas": odd}}, "vllm").desired == {
            "spec": {"replicas": 2}
        }
