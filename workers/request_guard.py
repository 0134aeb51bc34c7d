"""Does a step only for the workflow that may ask for it, and only for this worker's cluster.

Task queues carry the cluster, and the workflows of this system ask for nothing else. But whoever may start
workflows may have any activity done on any queue; and two clusters can be given one name by mistake only
as long as nothing compares. An id can be taken on by another workflow, so what a request says is compared
with its owner as well, by each activity.
"""

from __future__ import annotations

from typing import Any

import temporalio.client
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from airunway.api.names import cluster_of
from airunway.messages.failures import WRONG_CLUSTER, WRONG_WORKFLOW
from airunway.messages.requests import StepRequest


class RequestGuard(temporalio.client.Interceptor, Interceptor):
    """Every activity of a worker passes here first. Workers take it from their client."""

    def __init__(self, cluster_name: str) -> None:
        self._cluster_name = cluster_name

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the check before an activity."""
        return _Check(next, self._cluster_name)


class _Check(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, cluster_name: str) -> None:
        super().__init__(next)
        self._cluster_name = cluster_name

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Do it, if the workflow may ask for it, and both are of this cluster."""
        info = activity.info()
        workflow_id, request = info.workflow_id or "", input.args[0] if input.args else None
        self._refuse_cluster(workflow_id, request)
        if not isinstance(request, StepRequest):
            raise ApplicationError(
                f"{info.activity_type} was asked by {workflow_id} with what is no request of a step",
                type=WRONG_WORKFLOW,
                non_retryable=True,
            )
        if not request.may_be_asked_by(workflow_id, cluster=self._cluster_name):
            owner = request.asking_workflow(self._cluster_name)
            raise ApplicationError(
                f"{info.activity_type} is done for workflow {owner} only,"
                f" and it was asked by {workflow_id}: find out who started that, and terminate it",
                type=WRONG_WORKFLOW,
                non_retryable=True,
            )
        return await super().execute_activity(input)

    def _refuse_cluster(self, workflow_id: str, request: Any) -> None:
        named = getattr(getattr(request, "ref", None), "cluster", "")
        for other in (cluster_of(workflow_id), named):
            if other and other != self._cluster_name:
                raise ApplicationError(
                    f"workflow {workflow_id} belongs to cluster {other}, and this worker serves cluster "
                    f"{self._cluster_name}: give the two clusters different names (AIRUNWAY_CLUSTER), or "
                    "terminate that workflow",
                    type=WRONG_CLUSTER,
                    non_retryable=True,
                )
