"""How a reconcile of upstream objects says that it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api.conditions import condition
from airunway.messages.deployment import StepFailure


class StepFailed(Exception):
    """The reconcile ends here, with this failure in the status.

    `refusal`: what the API server said of an object that it did not take; empty: it is about another matter.
    """

    def __init__(self, failure: StepFailure, *, refusal: str = "") -> None:
        super().__init__(failure.message)
        self.failure, self.refusal = failure, refusal


def failed(
    reason: str,
    message: str,
    conditions: Sequence[str],
    *,
    final: bool = True,
    retry_seconds: int = 0,
    by_policy: bool = False,
    elsewhere: bool = False,
) -> StepFailed:
    """A failure that turns these conditions False."""
    return StepFailed(
        StepFailure(
            reason=reason,
            message=message,
            final=final,
            retry_seconds=retry_seconds,
            by_policy=by_policy,
            elsewhere=elsewhere,
            conditions=[condition(kind, "False", reason, message) for kind in conditions],
        )
    )
