"""How a workflow calls a step: inline first where the step says so, then as an ordinary activity.

Apart because the rule is the same for every workflow and easy to get subtly wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import overload

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError

from airunway.api.names import task_queue_beside
from airunway.messages.failures import NOT_SERVED_HERE, is_final, kind_of
from airunway.messages.step import Answer, Request, Step

INLINE_TIMEOUT = timedelta(seconds=5)  # under the time of a workflow task, which it would otherwise renew

_ONCE = RetryPolicy(maximum_attempts=1)


@overload
async def call(
    step: Step[Request, Answer],
    request: Request,
    *,
    summary: str,
    served_here: bool = False,
    priority: Priority = Priority.default,
) -> Answer: ...


@overload
async def call(
    step: Step[Request, Answer],
    request: Request,
    *,
    summary: str,
    served_here: bool = False,
    priority: Priority = Priority.default,
    leave_if: Callable[[], bool],
    leave_after: timedelta | None = None,
) -> Answer | None: ...


async def call(
    step: Step[Request, Answer],
    request: Request,
    *,
    summary: str,
    served_here: bool = False,
    priority: Priority = Priority.default,
    leave_if: Callable[[], bool] | None = None,
    leave_after: timedelta | None = None,
) -> Answer | None:
    """The answer of a step; None when it was left because `leave_if` turned true or `leave_after` passed.

    Only waiting for an ordinary activity can be left: the inline attempt is over in seconds. `served_here`:
    workers on the workflow's own queue do the step though it has another one; inline, or started with the
    answer to the workflow task. Where they cannot after all, it goes to its queue. Raises FailureError when
    the step failed for good, or did not succeed within its deadline.
    """
    here = served_here or not step.queue
    if step.inline and here:
        try:
            at_once: Answer = await workflow.execute_local_activity(
                step.name,
                request,
                result_type=step.answer,
                start_to_close_timeout=INLINE_TIMEOUT,
                retry_policy=_ONCE,
                summary=summary,
            )
            return at_once
        except FailureError as err:
            if is_final(err):
                raise
    if leave_if is not None and leave_if():
        return None
    if step.queue and here and not step.inline:
        try:
            return await _ordinary(replace(step, queue=""), request, summary, priority, leave_if, leave_after)
        except FailureError as err:
            if kind_of(err) != NOT_SERVED_HERE:
                raise
    return await _ordinary(step, request, summary, priority, leave_if, leave_after)


async def _ordinary(
    step: Step[Request, Answer],
    request: Request,
    summary: str,
    priority: Priority,
    leave_if: Callable[[], bool] | None,
    leave_after: timedelta | None,
) -> Answer | None:
    running = _start(step, request, summary, priority)
    if leave_if is None:
        return await running
    with contextlib.suppress(TimeoutError):
        await workflow.wait_condition(
            lambda: running.done() or leave_if(),
            timeout=leave_after,
            timeout_summary=f"limit of {step.name}" if leave_after else None,
        )
    if running.done():
        return await running
    running.cancel()
    running.add_done_callback(_heard)
    if step.ends_when_left:
        with contextlib.suppress(FailureError):
            await running
    return None


def _heard(left: asyncio.Task[Answer]) -> None:
    """Nobody waits for it any more; how it ended is in the history, and no line of the log."""
    if not left.cancelled():
        left.exception()


def _start(
    step: Step[Request, Answer], request: Request, summary: str, priority: Priority
) -> workflow.ActivityHandle[Answer]:
    # A worker that is gone never confirms that it stopped, so that is waited for only where it matters, and
    # there heartbeats show it. The other steps see for themselves, by generation and resource version, that
    # they are out of date.
    own = workflow.info().task_queue
    waited_for = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    return workflow.start_activity(
        step.name,
        request,
        result_type=step.answer,
        task_queue=task_queue_beside(own, step.queue) if step.queue else own,
        start_to_close_timeout=step.attempt_timeout,
        schedule_to_close_timeout=step.deadline,
        heartbeat_timeout=step.heartbeat,
        retry_policy=step.retry,
        cancellation_type=(
            waited_for if step.ends_when_left else workflow.ActivityCancellationType.TRY_CANCEL
        ),
        summary=summary,
        priority=priority,
    )


def fair_between(namespace: str) -> Priority:
    """Priority of work that one team's many requests must not delay for another: builds, installations."""
    return Priority(fairness_key=namespace[:MAX_FAIRNESS_KEY])


MAX_FAIRNESS_KEY = 64
"""Bytes that Temporal takes; a namespace of Kubernetes has at most 63."""
