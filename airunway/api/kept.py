"""That this release would render a deployment otherwise than it serves, recorded as a condition. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api.conditions import condition
from airunway.api.core_types import Condition

KEPT_AS_SERVED = "KeptAsServed"
RENDERED_OTHERWISE = "RenderedOtherwise"
_MAX_DIFFERENCES = 20


def kept_condition(differences: Sequence[str]) -> Condition:
    """Objects serve as they were written before. `differences`: what the next change of the spec brings."""
    shown = list(differences[:_MAX_DIFFERENCES])
    if len(differences) > _MAX_DIFFERENCES:
        shown.append(f"and {len(differences) - _MAX_DIFFERENCES} more")
    words = (
        "left as it serves, as nobody changed the spec; the next change of the spec brings what is rendered"
        f" otherwise by now: {'; '.join(shown)}"
    )
    return condition(KEPT_AS_SERVED, "True", RENDERED_OTHERWISE, words)
