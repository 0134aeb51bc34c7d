"""What of its cluster a deployment was rendered for, recorded as a condition of its status. Pure.

A cluster changes while models run: a CRD is installed, an operator renewed. What was made for the cluster as
it was stays so until it is made anew, so that nothing that runs is rewritten by what somebody else installs.
A condition is what every client of the status bears.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from airunway.api.conditions import condition, find_condition
from airunway.api.core_types import Condition

RENDERED_FOR_CLUSTER = "RenderedForCluster"
AS_RECORDED, CLUSTER_CHANGED = "AsRecorded", "ClusterChanged"
ROUTED_BY_GATEWAY = "RoutedByGateway"
"""A gateway can route to an InferencePool of the deployment's own. Other features are API versions of
upstream objects, where not the oldest that we know, and paths of fields that the cluster serves."""

_NOTHING = "nothing special"
_RECORD = re.compile(r"made for a cluster with ([^;]*)")


def features_condition(taken: Collection[str], served: Collection[str]) -> Condition:
    """The record of the features that rendering took; and those that the cluster serves now, if others."""
    words = f"made for a cluster with {_in_words(taken)}"
    if set(taken) == set(served):
        return condition(RENDERED_FOR_CLUSTER, "True", AS_RECORDED, words)
    words += (
        f"; by now it has {_in_words(served)}. What runs stays as it is until its upstream object is made"
        " anew, as by a change of the spec that its operator takes no other way, or by deleting that object"
    )
    return condition(RENDERED_FOR_CLUSTER, "True", CLUSTER_CHANGED, words)


def with_learned(conditions: Iterable[Condition] | None, learned: str) -> Condition:
    """The record with one more feature, which a refusal taught."""
    taken = sorted({*(recorded_features(conditions) or ()), learned})
    return features_condition(taken, taken)


def recorded_features(conditions: Iterable[Condition] | None) -> list[str] | None:
    """The features that a status records; None when it records none, so that they are to be found out."""
    record = find_condition(conditions, RENDERED_FOR_CLUSTER)
    found = _RECORD.match(record.message or "") if record is not None else None
    if found is None:
        return None
    return [] if found[1] == _NOTHING else found[1].split(", ")


def _in_words(features: Collection[str]) -> str:
    return ", ".join(sorted(features)) or _NOTHING
