"""How long pretended work takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Durations in seconds, and a speed. The defaults let a person watch; `Timing.instant()` is for tests."""

    schedule: float = 0.2
    """Creation of a pod until it is bound to a node."""
    pull: float = 1.0
    """Binding until the image is there."""
    start: float = 1.2
    """Start of the container until it is ready: the model loads."""
    crash: float = 0.6
    """Start of a container until it crashes, when it is told to."""
    backoff: float = 3.0
    """Delay between two tries to pull an image or to restart a container."""
    download_bytes_per_second: float = 12 * 1024
    """How fast the pretend BuildKit downloads a model, which is some 100 KiB; 0: as fast as it can."""

    @classmethod
    def instant(cls) -> Timing:
        """Everything at once; the delay between tries stays, or a failing pod would spin."""
        return cls(schedule=0.0, pull=0.0, start=0.0, crash=0.0, backoff=1.0, download_bytes_per_second=0.0)
