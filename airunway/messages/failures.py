"""Failures of steps, in words: what a person reads of them, and whether waiting helps. Pure.

A failed step reaches a workflow as a chain: ActivityError (not inline) → what the activity raised → causes of
other libraries.
"""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as TemporalTimeout

NOT_SERVED_HERE = "ProviderNotServedHere"
"""Failure type: this worker does not serve the provider; the one on the provider's queue does."""
WRONG_CLUSTER = "WrongCluster"
"""Failure type: the workflow is another cluster's; see `workers.request_guard`."""
WRONG_WORKFLOW = "WrongWorkflow"
"""Failure type: another workflow than that of the object asked for something to be done to it."""
NOT_AS_OWNED = "NotAsOwned"
"""Failure type: a request says what its owner does not; see `activities.owned`."""


def is_final(err: FailureError) -> bool:
    """Whether a step failed in a way that no retry can repair. Inline, the cause comes without a wrapper."""
    cause = _of_activity(err)
    return isinstance(cause, ApplicationError) and cause.non_retryable and cause.type != NOT_SERVED_HERE


def kind_of(err: FailureError) -> str:
    """What kind of failure ended the step: the type that the activity named, else Temporal's own class."""
    cause = _of_activity(err)
    named = cause.type if isinstance(cause, ApplicationError) else None
    return named or type(cause).__name__


def error_type(err: FailureError) -> str:
    """The error class behind a failed step; empty when it only ran out of time."""
    raised = _raised(err)
    return (raised.type or "") if raised else ""


def message_of(err: FailureError) -> str:
    """What the step said, and that its time was up if it was."""
    raised = _raised(err)
    timed_out = isinstance(err.__cause__, TemporalTimeout)
    if raised is None:
        step = err.activity_type if isinstance(err, ActivityError) else "the step"
        return f"{step}: not done in time, and no worker says why" if timed_out else str(err.__cause__ or err)
    return f"{raised.message} (given up after repeated attempts)" if timed_out else raised.message


def cause_of(err: FailureError) -> str:
    """The innermost cause, without the name of its kind."""
    cause = _innermost(err)
    return cause.message if isinstance(cause, FailureError) else str(cause)


def cause_with_kind(err: FailureError) -> str:
    """The innermost cause with the name of its kind; a time-out says which worker did not answer."""
    cause = _innermost(err)
    if isinstance(err, ActivityError) and isinstance(cause, TemporalTimeout):
        return f"{err.activity_type}: no worker of the provider took it in time"
    return str(cause)


def _of_activity(err: FailureError) -> BaseException | None:
    return err.cause if isinstance(err, ActivityError) else err


def _raised(err: FailureError) -> ApplicationError | None:
    """What a step raised last; None when it only ran out of time. Behind it are other libraries' causes."""
    cause: BaseException | None = err
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return cause


def _innermost(err: FailureError) -> BaseException:
    cause: BaseException = err
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return cause
