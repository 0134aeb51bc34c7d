"""Conditions: made, found, set and taken away as Kubernetes' own controllers do. Pure.

A `Condition` that somebody reports has no transition time and no generation yet; `set_condition` gives it
both when it becomes part of a status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from airunway.api.core_types import Condition, ConditionStatus

Verdict = Literal["True", "False", "Unknown"]


def condition(kind: str, status: Verdict, reason: str, message: str = "") -> Condition:
    """A condition as it is reported."""
    return Condition(type=kind, status=ConditionStatus(status), reason=reason, message=message)


def find_condition(conditions: Iterable[Condition] | None, kind: str) -> Condition | None:
    """The condition of a type, or None."""
    return next((entry for entry in conditions or () if entry.type == kind), None)


def completed(
    reported: Condition,
    before: Iterable[Condition] | None,
    *,
    now: datetime,
    generation: int | None = None,
) -> Condition:
    """A reported condition as it enters a status; its transition time moves only when `status` flips.

    `before`: the status's conditions. `generation`: the metadata.generation that it was seen at; None leaves
    it out.
    """
    last = find_condition(before, reported.type)
    same = last is not None and last.status is reported.status and last.last_transition_time
    update: dict[str, object] = {"last_transition_time": same or rfc3339(now)}
    if generation is not None:
        update["observed_generation"] = generation
    return reported.model_copy(update=update)


def set_condition(
    conditions: list[Condition], reported: Condition, *, now: datetime, generation: int | None = None
) -> None:
    """Put a reported condition into a status, `completed`."""
    current = completed(reported, conditions, now=now, generation=generation)
    for index, entry in enumerate(conditions):
        if entry.type == reported.type:
            conditions[index] = current
            return
    conditions.append(current)


def conditions_of(obj: Mapping[str, Any]) -> list[Condition]:
    """The conditions in the status of an object as the API server gives it."""
    return [Condition.model_validate(entry) for entry in (obj.get("status") or {}).get("conditions") or []]


def remove_condition(conditions: list[Condition], kind: str) -> None:
    """Take a condition away; nothing when there is none of the type."""
    conditions[:] = [entry for entry in conditions if entry.type != kind]


def rfc3339(moment: datetime) -> str:
    """A moment as Kubernetes writes it: `2026-01-31T08:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
