"""What a step of a workflow is: an activity type, what it takes and answers, and its deadlines. Pure.

A workflow calls a step by `workflows.steps.call`, an activity says by `activities.step.implements` which one
it is; mypy holds both to the same request and answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel
from temporalio.common import RetryPolicy

from airunway.messages.requests import StepRequest

Request = TypeVar("Request", bound=StepRequest)
Answer = TypeVar("Answer", bound=BaseModel)


def until_it_works(*, at_first: float, at_most: float, factor: float = 2.0) -> RetryPolicy:
    """The policy of a step that is tried as often as its deadline lets it; intervals in seconds.

    No cap on attempts: an API server that is away will be back, and the level-triggered step is as right
    then as now.
    """
    return RetryPolicy(
        initial_interval=timedelta(seconds=at_first),
        backoff_coefficient=factor,
        maximum_interval=timedelta(seconds=at_most),
    )


SILENCE = timedelta(seconds=4)
"""What a killed worker had in hand goes on after this. Signs of life are given every 1.5 s."""

UNTIL_IT_WORKS = until_it_works(at_first=0.5, at_most=30)  # short intervals, so that recovery is prompt


@dataclass(frozen=True, kw_only=True)
class Step(Generic[Request, Answer]):
    """An activity type and how it is called. `dataclasses.replace` gives one with another queue or deadline.

    `name` is what the Temporal UI shows.
    """

    name: str
    request: type[Request]
    answer: type[Answer]
    attempt_timeout: timedelta
    deadline: timedelta | None = None
    """Of all attempts together; None: as long as it takes."""
    retry: RetryPolicy = field(default_factory=lambda: UNTIL_IT_WORKS)
    heartbeat: timedelta | None = SILENCE
    """Silence after which its worker is taken for dead."""
    beats_itself: bool = False
    """Its activity gives the signs of life, with progress; else whoever runs it does (`activities.step`)."""
    queue: str = ""
    """The part of the cluster whose worker does it, as `names.task_queue_beside` takes it; empty: the core's,
    on which the workflow itself runs."""
    inline: bool = False
    """Tried first in the worker that runs the workflow task, which saves a round trip through the server.
    What does not succeed at once becomes an ordinary activity, with retries that are seen in the Temporal
    UI and outlive the worker."""
    ends_when_left: bool = False
    """Whoever leaves it waits until it has ended: what comes next must not meet it still at work."""
