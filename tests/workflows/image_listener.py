"""Who waits for an image in tests of its workflow: a workflow that keeps the reports it gets."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

with workflow.unsafe.imports_passed_through():
    from airunway.messages.deployment_workflow import IMAGE_REPORT
    from airunway.messages.model_image import ModelImageReport
    from airunway.messages.refs import DeploymentRef

QUERY_TIMEOUT = timedelta(seconds=2)


@workflow.defn(name="Listener")
class Listener:
    """Stands for a deployment."""

    def __init__(self) -> None:
        self._reports: list[ModelImageReport] = []

    @workflow.signal(name=IMAGE_REPORT)
    def on_image_report(self, report: ModelImageReport) -> None:
        self._reports.append(report)

    @workflow.query
    def reports(self) -> list[ModelImageReport]:
        return self._reports

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


def some_deployment(name: str) -> DeploymentRef:
    """A deployment that waits."""
    return DeploymentRef(cluster="here", namespace="default", name=name)


def named(handle: WorkflowHandle[Any, Any]) -> DeploymentRef:
    """The deployment whose workflow it is."""
    return some_deployment(handle.id.rpartition("/")[2])


async def reports_of(listener: WorkflowHandle[Any, Any]) -> list[ModelImageReport]:
    """What it was reported until now."""
    while True:  # the test server loses a question now and then
        with suppress(RPCError):
            return list(await listener.query(Listener.reports, rpc_timeout=QUERY_TIMEOUT))
