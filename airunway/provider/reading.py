"""Read the status of upstream objects without trusting their shape. Pure.

A wrong type where the API promises another one is a ValueError (`Provider.read_status`); a missing field
is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class UpstreamCondition:
    """One condition; empty texts for what it does not say."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def is_true(self) -> bool:
        """Whether its status is True."""
        return self.status == "True"

    @property
    def is_false(self) -> bool:
        """Whether its status is False, which is not the same as not being True."""
        return self.status == "False"

    @property
    def words(self) -> str:
        """Its message, or its reason where it has none."""
        return self.message or self.reason


NO_CONDITION = UpstreamCondition(type="")


def mapping_at(obj: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The map at a path; empty when a part of the path is absent or null.

    Raises ValueError when a part of it is no map.
    """
    current: Any = obj
    for index, key in enumerate(path):
        current = current.get(key)
        if current is None:
            return {}
        if not isinstance(current, Mapping):
            raise ValueError(f"{'.'.join(path[: index + 1])} is not an object")
    found: Mapping[str, Any] = current
    return found


def text_at(obj: Mapping[str, Any], *path: str) -> str:
    """The text at a path; empty when absent. Raises ValueError when it is no text."""
    value = mapping_at(obj, *path[:-1]).get(path[-1])
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{'.'.join(path)} is not a text")
    return value


def count_at(obj: Mapping[str, Any], *path: str) -> int:
    """The whole number at a path; 0 when it is absent or anything else."""
    try:
        value = mapping_at(obj, *path[:-1]).get(path[-1])
    except ValueError:
        return 0
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def conditions_at(obj: Mapping[str, Any], *path: str) -> dict[str, UpstreamCondition]:
    """Conditions by type; of equal types the last counts. Entries without a type are skipped.

    Raises ValueError when there is something else than a list.
    """
    entries = mapping_at(obj, *path[:-1]).get(path[-1])
    if entries is None:
        return {}
    if not isinstance(entries, list):
        raise ValueError(f"{'.'.join(path)} is not a list")
    return {
        entry["type"]: UpstreamCondition(
            type=entry["type"],
            status=_text(entry.get("status")),
            reason=_text(entry.get("reason")),
            message=_text(entry.get("message")),
        )
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("type"), str) and entry["type"]
    }


def first_cause(conditions: Iterable[UpstreamCondition]) -> str:
    """What the first condition says that is False, else the first that is Unknown; empty: nothing."""
    telling = [entry for entry in conditions if entry.words]
    in_the_way = [entry for entry in telling if entry.is_false]
    in_the_way += [entry for entry in telling if entry.status == "Unknown"]
    return in_the_way[0].words if in_the_way else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def name_of(obj: Mapping[str, Any]) -> str:
    """metadata.name; empty when absent."""
    return _text(mapping_at(obj, "metadata").get("name"))


def is_observed(obj: Mapping[str, Any]) -> bool:
    """Whether the status belongs to the current generation; absent generations count as current."""
    observed = mapping_at(obj, "status").get("observedGeneration")
    if not isinstance(observed, int):
        return True
    return observed >= count_at(obj, "metadata", "generation")


# -- of what Kubernetes wrote, whose shape is its own: nothing is said of what is wrong there ---------------


def map_or_empty(value: Any, *path: str) -> Mapping[str, Any]:
    """The map at a path; empty when it, or a part of the path, is absent or no map."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def maps_in(value: Any) -> list[Mapping[str, Any]]:
    """The maps in a list; none when it is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
