"""That a deployment's objects were made by AI Runway's own controllers, recorded as a condition. Pure.

What such a controller made of the present spec serves, and what this system would add to it restarts pods. So
it is left as it was found until the spec changes. A condition is what every client of the status bears, and
outlives a lost run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airunway.api import names
from airunway.api.conditions import condition, find_condition
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.differences import in_words

ADOPTED = "Adopted"
TAKING_OVER, LEFT_AS_FOUND = "TakingOver", "LeftAsFound"


def taking_over() -> Condition:
    """Nobody has looked at the objects yet."""
    words = "AI Runway's own controller acted on it; its objects are looked at before anything is changed"
    return condition(ADOPTED, "Unknown", TAKING_OVER, words)


def left_as_found(differences: Sequence[str]) -> Condition:
    """Objects serve as they were found. `differences`: what the next change of the spec brings, in words."""
    words = (
        "made by AI Runway's own controller, and left as it serves; the next change of the spec brings:"
        f" {in_words(differences)}"
    )
    return condition(ADOPTED, "True", LEFT_AS_FOUND, words)


def recorded_adoption(conditions: Iterable[Condition] | None) -> int | None:
    """The generation whose objects were left as they were found; 0: to be found out; None: no take-over."""
    record = find_condition(conditions, ADOPTED)
    if record is None or record.status is ConditionStatus.FALSE:
        return None
    return (record.observed_generation or 0) if record.status is ConditionStatus.TRUE else 0


def is_status_of_others(obj: Mapping[str, Any]) -> bool:
    """Whether a deployment has a status, and this system never said in it how the deployment is.

    Where a provider controller outside acts, this system writes the rest, but no phase.
    """
    if not (obj.get("status") or {}).get("phase"):
        return False
    entries = obj["metadata"].get("managedFields") or ()
    return not any(_says_phase(entry) for entry in entries)


def _says_phase(entry: Mapping[str, Any]) -> bool:
    if entry.get("manager") != names.STATUS_FIELD_MANAGER or entry.get("subresource") != "status":
        return False
    return "f:phase" in ((entry.get("fieldsV1") or {}).get("f:status") or {})
