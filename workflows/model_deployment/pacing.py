"""What a deployment waits for, in words, and how long until it is reconciled without a signal.

Nothing that lasts has a timer: whoever runs, failed for good, is paused or waits for somebody else is woken
by a signal, and the watcher's audit finds what a lost one would have said. But for a failure that lies in
objects which no watch brings: they are looked at ever more seldom.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

from airunway.api.status import Phase
from airunway.messages.deployment import Limits
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.upstream import RenderAnswer

FIRST_RETRY_DELAY = timedelta(seconds=15)
MAX_RETRY_DELAY = timedelta(minutes=5)
FIRST_LOOK_ELSEWHERE = timedelta(seconds=5)
"""A person who takes away what is in the way waits to see it go on."""
FIRST_DIAGNOSIS_DELAY = timedelta(seconds=10)
MAX_DIAGNOSIS_DELAY = timedelta(seconds=60)
MAX_OVERTAKEN, OVERTAKEN_DELAY = 5, timedelta(seconds=2)
MAX_OVERTAKEN_DELAY = timedelta(seconds=30)
DRIFT_PAUSE = 15
"""Seconds before what was undone right after it was written is written again."""


class Pacing:
    """Where the workflow is between two reconciles. A signal ends every wait."""

    def __init__(self) -> None:
        self.limits = Limits(rollout_deadline=1800, finalizer_timeout=300)
        self.step = "starting"
        self.delay: timedelta | None = None
        """None: until a signal comes."""
        self.then = ""
        """What is done when the delay is over."""
        self.next_reconcile_at: datetime | None = None
        self.overtaken = 0
        """Times in a row that a step found another deployment than was decided on."""

    def rest(self, step: str) -> None:
        """Nothing is due: what is waited for is signalled."""
        self.step, self.delay, self.then = step, None, ""

    def wait(self, step: str, delay: timedelta, then: str) -> None:
        """What is waited for, for how long at most, and what is done then."""
        self.step, self.delay, self.then = step, delay, then

    def wait_at_most(self, seconds: int) -> None:
        """A step asked to be tried again after this time; 0: it did not."""
        asked = timedelta(seconds=seconds)
        if seconds and (self.delay is None or asked < self.delay):
            self.delay, self.then = asked, "tries again"

    def is_overtaken_often(self) -> bool:
        """A step found another deployment than was decided on; true: it is time to wait before another look.

        As a rule it was changed meanwhile. But two workers of different builds, which render it differently,
        would overtake each other for ever.
        """
        self.overtaken += 1
        if self.overtaken <= MAX_OVERTAKEN:
            return False
        delay = doubled(OVERTAKEN_DELAY, self.overtaken - MAX_OVERTAKEN, MAX_OVERTAKEN_DELAY)
        self.wait("workers do not agree on what is to be applied", delay, "looks again")
        return True

    def wait_after_failed_attempt(self, state: DeploymentState, step: str) -> None:
        """A provider's step was not done: ever longer, up to five minutes."""
        state.failed_attempts += 1
        self.wait(step, doubled(FIRST_RETRY_DELAY, state.failed_attempts, MAX_RETRY_DELAY), "tries again")

    def wait_after_apply(
        self, state: DeploymentState, plan: RenderAnswer, *, image_delay: timedelta | None
    ) -> None:
        """What was planned was done, or cannot be. `image_delay`: until the image is asked for again."""
        self.wait_after_upstream(state)
        if image_delay is not None:
            self.wait(state.status.message or "", image_delay, "asks for the image again")
        self.wait_at_most(plan.failure.retry_seconds if plan.failure else plan.retry_seconds)

    def wait_after_upstream(self, state: DeploymentState) -> None:
        """The upstream objects were read: soon again in a roll-out, else when they change."""
        phase = state.status.phase
        self.rest(state.shown_message or str(phase))
        if state.failure is not None and state.failure.elsewhere:
            delay = doubled(FIRST_LOOK_ELSEWHERE, state.looks_elsewhere, MAX_RETRY_DELAY)
            self.wait(self.step, delay, "looks again at what is in the way")
        if state.failure is not None:
            return
        if phase is Phase.DEPLOYING and state.rollout_since is not None:
            deadline = state.rollout_since + timedelta(seconds=self.limits.rollout_deadline)
            delay = doubled(FIRST_DIAGNOSIS_DELAY, state.diagnoses + 1, MAX_DIAGNOSIS_DELAY)
            delay = max(min(delay, deadline - workflow.now()), timedelta(seconds=1))
            self.wait(self.step, delay, "looks at pods again")
        elif phase in (Phase.PENDING, Phase.DEPLOYING):
            self.wait(self.step, MAX_RETRY_DELAY, "reconciles again")


def is_diagnosis_due(state: DeploymentState) -> bool:
    """Whether a roll-out has lasted long enough to look at pods for a cause."""
    if state.rollout_since is None or state.failure is not None:
        return False
    return workflow.now() - state.rollout_since >= FIRST_DIAGNOSIS_DELAY * 0.9


def doubled(first: timedelta, times: int, at_most: timedelta) -> timedelta:
    """The delay before the attempt of that number, twice as long each time."""
    return min(first * float(2 ** min(times - 1, 10)), at_most)
