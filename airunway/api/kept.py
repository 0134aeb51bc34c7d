"""That this release would render a deployment otherwise than it serves, recorded as a condition. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api.conditions import condition
from airunway.api.core_types import Condition
from airunway.api.differences import in_words

KEPT_AS_SERVED = "KeptAsServed"
RENDERED_OTHERWISE = "RenderedOtherwise"


def kept_condition(differences: Sequence[str]) -> Condition:
    """Objects serve as they were written before. `differences`: what the next change of the spec brings."""
    words = (
        "left as it serves, as nobody changed the spec; the next change of the spec brings what is rendered"
        f" otherwise by now: {in_words(differences)}"
    )
    return condition(KEPT_AS_SERVED, "True", RENDERED_OTHERWISE, words)
