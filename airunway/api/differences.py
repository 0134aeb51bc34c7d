"""What the next change of a spec brings to objects that are left as they serve, for a condition. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_DIFFERENCES = 20


def in_words(differences: Sequence[str]) -> str:
    """All of them in one sentence; of many, the first ones and how many more there are."""
    shown = list(differences[:_MAX_DIFFERENCES])
    if len(differences) > _MAX_DIFFERENCES:
        shown.append(f"and {len(differences) - _MAX_DIFFERENCES} more")
    return "; ".join(shown)
