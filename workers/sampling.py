"""Which open runs a build is verified against. Apart, because the command line names it before it starts."""

from __future__ import annotations

from enum import StrEnum


class Sample(StrEnum):
    """Which of the open runs are replayed: the last begun, those that have lived longest, or every one."""

    NEWEST = "newest"
    OLDEST = "oldest"
    ALL = "all"
