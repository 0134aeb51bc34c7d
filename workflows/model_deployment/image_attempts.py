"""How long a deployment waits for its model image, and for another attempt after one that failed. Pure.

Apart from what is asked of people: a build is dear, and one that fails by itself fails again. Only what lies
elsewhere is tried again, ever more seldom.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airunway.messages.deployment_state import ModelImageState
from airunway.messages.failure_endings import is_tried_again
from airunway.messages.model_image import ModelImagePhase
from airunway.workflows.model_deployment.pacing import doubled

FIRST_ATTEMPT, MAX_ATTEMPT = timedelta(seconds=30), timedelta(minutes=30)
"""After a failure that lies elsewhere. An attempt may download much before it fails again."""

SILENCE = timedelta(minutes=3)
"""Beyond the time within which the image's workflow meant to report; then it may have been terminated."""
MAX_QUIET = timedelta(minutes=30)
"""For so long it may mean to say nothing, of whatever the report says: to ask is cheap."""


def patience(image: ModelImageState) -> timedelta:
    """How long nothing may be heard of the image's workflow."""
    return SILENCE + 2 * min(image.next_within, MAX_QUIET)


def is_silent(image: ModelImageState, *, now: datetime) -> bool:
    """Whether nothing was heard of the image's workflow for too long, or ever."""
    return image.reported_at is None or now - image.reported_at >= patience(image)


def count_failure(image: ModelImageState, *, now: datetime) -> None:
    """One more failure in a row; an image that is there ends the row."""
    is_lost = image.phase is ModelImagePhase.FAILED
    image.failed_at, image.failures = (now, image.failures + 1) if is_lost else (None, 0)


def until_next_attempt(image: ModelImageState, *, now: datetime) -> timedelta | None:
    """How long until it is tried again by itself; None: it is not."""
    if image.phase is not ModelImagePhase.FAILED or image.failed_at is None:
        return None
    if not is_tried_again(image.reason):
        return None
    due = image.failed_at + doubled(FIRST_ATTEMPT, image.failures, MAX_ATTEMPT)
    return max(due - now, timedelta(0))
