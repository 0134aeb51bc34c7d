"""Replicas that somebody else sets on the upstream objects: what is rendered says what is there. Pure.

Not by leaving the fields out: a field that its only owner stops applying falls back to its default, one
replica. What says the same as the object is never written, so an autoscaler is not fought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airunway.activities.upstream.inspection import Inspection
from airunway.api import names
from airunway.api.model_deployment import ModelDeployment

_NAMES = ("name", "groupName")
"""Fields by which items of two lists are the same one."""
_EXTERNAL = "external"


def are_external(deployment: ModelDeployment) -> bool:
    """Whether a deployment leaves its upstream replicas to somebody else."""
    given = deployment.metadata.annotations.get(names.ANNOTATION_EXTERNAL_REPLICAS, "")
    return given.lower() == "true"


def with_live_replicas(inspection: Inspection, fields: Iterable[str]) -> Inspection:
    """What is wanted, with the values that the live objects have at these paths.

    An object that is not there yet is made with the deployment's own.
    """
    paths = [field.split(".") for field in fields]
    targets = []
    for target in inspection.targets:
        desired, told_by = target.desired, target.desired
        for path in paths:
            desired = _followed(desired, target.live, path)
            # Another digest than without the annotation, and the same whatever the replicas are.
            told_by = _with(told_by, path, _EXTERNAL)
        targets.append(replace(target, desired=desired, told_by=told_by))
    return replace(inspection, targets=targets)


def _with(desired: Any, path: Sequence[str], value: Any) -> Any:
    """`desired` with a value at one path; as it is where it has none there."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(desired, list):
        return [_with(item, rest, value) for item in desired] if step == "*" else desired
    if not isinstance(desired, Mapping):
        return desired
    return {key: _with(item, rest, value) if step in ("*", key) else item for key, item in desired.items()}


def _followed(desired: Any, live: Any, path: Sequence[str]) -> Any:
    """`desired` with the live value at one path; as it is where either has none there."""
    if not path:
        return live if isinstance(live, int) and not isinstance(live, bool) else desired
    step, rest = path[0], path[1:]
    if step != "*":
        if not isinstance(desired, Mapping) or not isinstance(live, Mapping) or step not in desired:
            return desired
        return {**desired, step: _followed(desired[step], live.get(step), rest)}
    return _each(desired, live, lambda ours, theirs: _followed(ours, theirs, rest))


def _each(desired: Any, live: Any, follow: Callable[[Any, Any], Any]) -> Any:
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return {key: follow(value, live.get(key)) for key, value in desired.items()}
    if isinstance(desired, list) and isinstance(live, list):
        there = {_name_of(item): item for item in live}
        return [follow(item, there.get(_name_of(item))) for item in desired]
    return desired


def _name_of(item: Any) -> str:
    if not isinstance(item, Mapping):
        return ""
    return next((str(item[key]) for key in _NAMES if key in item), "")
