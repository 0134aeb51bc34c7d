"""Values of labels, kept few: each is a series for as long as the process lives.

Names of providers come from ModelDeployments as well, where anybody may write what he likes; kinds of errors
from providers of other authors.
"""

from __future__ import annotations

from airunway.api.status import Phase

OTHER = "other"
MAX_VALUES = 100
"""Of one label. Providers are registered by administrators, and a cluster has some five."""


class FewValues:
    """The first values of a label that are taken; all others are `other`."""

    def __init__(self, limit: int = MAX_VALUES) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def take(self, value: str) -> str:
        """The value, taken if there is room."""
        if value not in self._known and len(self._known) < self._limit:
            self._known.add(value)
        return self.shown(value)

    def shown(self, value: str) -> str:
        """The value, if it was taken before."""
        return value if value in self._known else OTHER


def phase_label(phase: str) -> str:
    """One of the five phases; empty for none; whoever may write a status may write anything into it."""
    return phase if phase in _PHASES else OTHER if phase else ""


_PHASES = frozenset(map(str, Phase))
