"""The phases of a deployment. Apart from `status`, whose models a list that is only shown does not load."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a deployment stands (crds.md §6.2)."""

    PENDING = "Pending"
    DEPLOYING = "Deploying"
    RUNNING = "Running"
    FAILED = "Failed"
    TERMINATING = "Terminating"
