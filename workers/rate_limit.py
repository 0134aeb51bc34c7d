"""How often one key may be served: a few times at once, then at a steady rate.

Apart because it is arithmetic: the caller brings the clock. An upstream controller that writes its status
many times a second must not fill a deployment's history, nor hold up the signals of others.
"""

from __future__ import annotations

from collections.abc import Hashable


class RateLimit:
    """A bucket a key: `burst` at once, after that one every `interval` seconds."""

    def __init__(self, *, burst: int, interval: float) -> None:
        self._slack = (burst - 1) * interval
        self._interval = interval
        self._full_at: dict[Hashable, float] = {}
        """When a key's bucket is full again; keys whose bucket is full are forgotten."""

    def delay(self, key: Hashable, now: float) -> float:
        """Seconds until the key may be served; 0: now."""
        return max(0.0, self._full_at.get(key, now) - self._slack - now)

    def served(self, key: Hashable, now: float) -> None:
        """Note that the key was served."""
        if len(self._full_at) > 1_000:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._interval
