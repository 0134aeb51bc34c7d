"""What a deployment waits for, in words, and how long until it is reconciled without a signal."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

from airunway.api.status import Phase
from airunway.messages.deployment import Limits
from airunway.messages.deployment_state import DeploymentState

FIRST_SELECTION_DELAY = timedelta(seconds=15)
MAX_SELECTION_DELAY = timedelta(minutes=5)
FIRST_DIAGNOSIS_DELAY = timedelta(seconds=10)
MAX_DIAGNOSIS_DELAY = timedelta(seconds=60)
TROUBLE_DELAY = timedelta(seconds=30)
"""After a step that failed for good."""


class Pacing:
    """Where the workflow is between two reconciles. A signal ends every delay."""

    def __init__(self) -> None:
        self.limits = Limits(rollout_deadline=1800, finalizer_timeout=300, resync=3600)
        self.step = "starting"
        self.delay = timedelta(0)
        self.next_reconcile_at: datetime | None = None

    @property
    def resync(self) -> timedelta:
        """How often everything is reconciled although nobody said that anything changed."""
        return timedelta(seconds=self.limits.resync)

    def wait(self, step: str, delay: timedelta) -> None:
        """What is waited for, and for how long at most."""
        self.step, self.delay = step, delay

    def wait_at_most(self, seconds: int) -> None:
        """A step asked to be tried again after this time; 0: it did not."""
        if seconds:
            self.delay = min(self.delay, timedelta(seconds=seconds))

    def wait_after_failed_attempt(self, state: DeploymentState, step: str) -> None:
        """Neither selection nor the upstream step got anywhere: ever longer, up to five minutes."""
        state.failed_attempts += 1
        self.wait(step, _doubled(FIRST_SELECTION_DELAY, state.failed_attempts, MAX_SELECTION_DELAY))

    def wait_after_upstream(self, state: DeploymentState, *, accepted: bool) -> None:
        """The upstream objects were read: soon again in a roll-out, then only as a safety net.

        `accepted` false: the spec is refused, and the delay of that stands.
        """
        resync = self.resync * workflow.random().uniform(0.9, 1.1)
        self.step = state.shown_message
        if state.status.phase is Phase.DEPLOYING and state.rollout_since is not None:
            deadline = state.rollout_since + timedelta(seconds=self.limits.rollout_deadline)
            delay = _doubled(FIRST_DIAGNOSIS_DELAY, state.diagnoses + 1, MAX_DIAGNOSIS_DELAY)
            self.delay = max(min(delay, deadline - workflow.now()), timedelta(seconds=1))
        elif accepted:
            self.step = self.step or str(state.status.phase)
            waiting = state.status.phase in (Phase.PENDING, Phase.DEPLOYING)
            self.delay = MAX_SELECTION_DELAY if waiting else resync


def is_diagnosis_due(state: DeploymentState) -> bool:
    """Whether a roll-out has lasted long enough to look at pods for a cause."""
    if state.rollout_since is None or state.failure is not None:
        return False
    return workflow.now() - state.rollout_since >= FIRST_DIAGNOSIS_DELAY * 0.9


def _doubled(first: timedelta, times: int, at_most: timedelta) -> timedelta:
    return min(first * float(2 ** min(times - 1, 10)), at_most)
