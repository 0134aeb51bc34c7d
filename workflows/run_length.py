"""When a run ends so that the next one goes on, and on which worker version. Deterministic.

A run is pinned to the version of the worker that began it; the next run begins on the version that is current
then. So continuing as new is also how a life moves to new code, without replaying a history that older code
has written.
"""

from __future__ import annotations

from typing import NoReturn

from pydantic import BaseModel
from temporalio import workflow


def should_continue_as_new(max_events: int) -> bool:
    """Whether the history is long, or a new run would begin on another worker version than this one.

    The server says the latter with each workflow task of a pinned run (Temporal 1.30 or newer); to ask is
    only worth it where nothing is under way that the next run would not know of.
    """
    info = workflow.info()
    return (
        info.get_current_history_length() > max_events
        or info.is_continue_as_new_suggested()
        or info.is_target_worker_deployment_version_changed()
    )


def is_flooded() -> bool:
    """Whether so much came that the server wants another run; a run is given no more than 10,000 signals."""
    return workflow.info().is_continue_as_new_suggested()


def continue_as_new(start: BaseModel) -> NoReturn:
    """End this run; the next one is given `start`, and begins on the current worker version."""
    workflow.continue_as_new(
        start, initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE
    )
