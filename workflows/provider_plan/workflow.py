"""What an operation on a provider would do. Reads only, so it needs no turn in `provider/<name>`."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import INSTALLER_TASK_QUEUE
    from airunway.messages.installation import LOOK, LookAnswer, LookRequest

PATIENCE = timedelta(minutes=2)
"""A person waits for it."""


@workflow.defn(name="ProviderPlanWorkflow")
class ProviderPlanWorkflow:
    """One look, and its answer."""

    @workflow.run
    async def run(self, request: LookRequest) -> LookAnswer:
        """Look."""
        answer: LookAnswer = await workflow.execute_activity(
            LOOK.name,
            request,
            result_type=LookAnswer,
            task_queue=INSTALLER_TASK_QUEUE,
            start_to_close_timeout=LOOK.attempt_timeout,
            schedule_to_close_timeout=PATIENCE,
            heartbeat_timeout=LOOK.heartbeat,
            retry_policy=LOOK.retry,
            summary=f"plan {request.request.operation.value} of {request.request.provider}",
        )
        return answer
