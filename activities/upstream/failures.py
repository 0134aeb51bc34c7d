"""How a pass over upstream objects says that it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api.core_types import ConditionStatus
from airunway.api.decision import ConditionUpdate
from airunway.messages.deployment import StepFailure
from airunway.provider.contract import ReportedCondition


class StepFailed(Exception):
    """The pass ends here, with this failure in the status."""

    def __init__(self, failure: StepFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failed(
    reason: str, message: str, conditions: Sequence[str], *, final: bool = True, retry_seconds: int = 0
) -> StepFailed:
    """A failure that turns these conditions False."""
    updates = [
        ConditionUpdate(type=kind, status=ConditionStatus.FALSE, reason=reason, message=message)
        for kind in conditions
    ]
    return StepFailed(
        StepFailure(
            reason=reason, message=message, final=final, retry_seconds=retry_seconds, conditions=updates
        )
    )


def update_of(condition: ReportedCondition) -> ConditionUpdate:
    """A provider's condition as the workflow takes it."""
    return ConditionUpdate.model_validate(
        {
            "type": condition.type,
            "status": condition.status,
            "reason": condition.reason,
            "message": condition.message,
        }
    )
