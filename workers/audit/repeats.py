"""The same finding ever more seldom, so that what nobody can repair costs little. Pure, without a clock."""

from __future__ import annotations

from collections.abc import Container, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Finding:
    what: str
    due_at: float
    pause: float


class Repeats:
    """What was found of each key, and when it is due again: after `first` seconds, then twice as long, …"""

    def __init__(self, *, first: float, maximum: float) -> None:
        self._first, self._maximum = first, maximum
        self._findings: dict[Hashable, _Finding] = {}

    def is_due(self, key: Hashable, what: str, now: float) -> bool:
        """Whether to act on a finding now; if so it counts as acted on."""
        before = self._findings.get(key)
        if before is None or before.what != what:
            self._findings[key] = _Finding(what, now + self._first, self._first)
            return True
        if now < before.due_at:
            return False
        before.pause = min(before.pause * 2, self._maximum)
        before.due_at = now + before.pause
        return True

    def is_known(self, key: Hashable, what: str) -> bool:
        """Whether the same was found before."""
        before = self._findings.get(key)
        return before is not None and before.what == what

    def keep(self, keys: Container[Hashable]) -> None:
        """Forget what is not found any more."""
        self._findings = {key: entry for key, entry in self._findings.items() if key in keys}
