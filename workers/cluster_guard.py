"""Refuses steps of workflows that belong to another cluster.

Task queues carry the cluster, so none should come; but whoever may start workflows may name any queue, and
two clusters can be given one name by mistake only as long as nothing compares.
"""

from __future__ import annotations

from typing import Any

import temporalio.client
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from airunway.api.names import cluster_of
from airunway.messages.failures import WRONG_CLUSTER


class ClusterGuard(temporalio.client.Interceptor, Interceptor):
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
        """Do it, if the workflow and what it asks about are of this cluster."""
        workflow_id = activity.info().workflow_id or ""
        named = getattr(getattr(input.args[0], "ref", None), "cluster", "") if input.args else ""
        for other in (cluster_of(workflow_id), named):
            if other and other != self._cluster_name:
                raise ApplicationError(
                    f"workflow {workflow_id} belongs to cluster {other}, and this worker serves cluster "
                    f"{self._cluster_name}: give the two clusters different names (AIRUNWAY_CLUSTER), or "
                    "terminate that workflow",
                    type=WRONG_CLUSTER,
                    non_retryable=True,
                )
        return await super().execute_activity(input)
