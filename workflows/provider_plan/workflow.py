"""What an operation on a provider would do. Reads only, so it needs no turn in the provider's workflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from airunway.messages.installation import PREFLIGHT, PreflightAnswer, PreflightRequest
    from airunway.workflows.steps import call

PATIENCE = timedelta(minutes=2)
"""A person waits for it."""


@workflow.defn(name="ProviderPlanWorkflow")
class ProviderPlanWorkflow:
    """One preflight, and its answer."""

    @workflow.run
    async def run(self, request: PreflightRequest) -> PreflightAnswer:
        """The answer of the preflight; raises what refuses the operation."""
        summary = f"plan {request.request.operation.value} of {request.request.provider}"
        return await call(replace(PREFLIGHT, deadline=PATIENCE), request, summary=summary)
