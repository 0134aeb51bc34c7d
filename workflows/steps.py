"""How a workflow calls a step: inline first, then as an ordinary activity.

Apart because the rule is the same for every step and easy to get subtly wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as TemporalTimeout

from airunway.messages.deployment import INLINE_TIMEOUT, NOT_HOSTED, Step

Answer = TypeVar("Answer", bound=BaseModel)

_ONCE = RetryPolicy(maximum_attempts=1)


async def run_step(
    step: Step,
    request: BaseModel,
    answer: type[Answer],
    *,
    summary: str,
    inline: bool = True,
    task_queue: str | None = None,
    overtaken: Callable[[], bool] = lambda: False,
    patience: timedelta | None = None,
    deadline: timedelta | None = None,
) -> Answer | None:
    """The answer of a step; None when it was left because `overtaken` turned true or `deadline` passed.

    Only waiting for an ordinary activity can be left: the inline attempt is over in seconds. `inline`
    false: the worker of this workflow cannot do the step. Raises FailureError when it failed for good, or
    did not succeed within `patience`.
    """
    if inline:
        try:
            at_once: Answer = await workflow.execute_local_activity(
                step.name,
                request,
                result_type=answer,
                start_to_close_timeout=INLINE_TIMEOUT,
                retry_policy=_ONCE,
                summary=summary,
            )
            return at_once
        except FailureError as err:
            if is_final(err):
                raise
    if overtaken():
        return None
    running = workflow.start_activity(
        step.name,
        request,
        result_type=answer,
        task_queue=task_queue,
        start_to_close_timeout=step.attempt_timeout,
        schedule_to_close_timeout=patience,
        retry_policy=step.retry,
        # Not waited for: a worker that is gone would never confirm. The step itself sees, by generation
        # and resource version, that it is out of date.
        cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
        summary=summary,
    )
    with contextlib.suppress(TimeoutError):
        await workflow.wait_condition(lambda: running.done() or overtaken(), timeout=deadline)
    if not running.done():
        running.cancel()
        return None
    outcome: Answer = await running
    return outcome


def is_final(err: FailureError) -> bool:
    """Whether a step failed in a way that no retry can mend. Inline, the cause comes without a wrapper."""
    cause = err.cause if isinstance(err, ActivityError) else err
    return isinstance(cause, ApplicationError) and cause.non_retryable and cause.type != NOT_HOSTED


def words_of(err: FailureError) -> str:
    """The message of the innermost cause; a time-out says which worker did not answer."""
    cause: BaseException = err
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(err, ActivityError) and isinstance(cause, TemporalTimeout):
        return f"{err.activity_type}: no worker of the provider took it in time"
    return str(cause)
