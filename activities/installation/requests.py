"""A deployment's side of a provider's installation: asking for it by signal-with-start, and how it ended.

Activities, because only a client can start a workflow that may run already, or query one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.service import RPCError, RPCStatusCode

from airunway.activities.owned import refused
from airunway.activities.step import implements
from airunway.api.names import (
    INSTALLER_QUEUE,
    core_task_queue,
    installation_workflow_id,
    namespace_of,
    task_queue_beside,
)
from airunway.installation.prerequisites import PREREQUISITES
from airunway.messages.deployment_workflow import STATE_QUERY
from airunway.messages.installation import JOIN_INSTALLATION, JoinAnswer, JoinRequest
from airunway.messages.installation_workflow import (
    JOIN_INSTALLATION_SIGNAL,
    PROVIDER_INSTALLATION_WORKFLOW,
    READ_INSTALLATION,
    InstallationInput,
    InstallationView,
    ReadInstallationAnswer,
    ReadInstallationRequest,
)
from airunway.messages.search_attributes import CLUSTER, PROVIDER, attributes_at_start


class InstallationRequests:
    """The core's activity that reaches installations.

    `installs`: whether the settings let a deployment have an operator installed.
    `search_attributes`: those of ours that the Temporal namespace has now.
    """

    def __init__(
        self,
        client: Client,
        *,
        cluster_name: str,
        installs: bool = True,
        search_attributes: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._client, self._cluster_name, self._installs = client, cluster_name, installs
        self._search_attributes = search_attributes

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [self.request_installation, self.read_installation]

    @implements(READ_INSTALLATION)
    async def read_installation(self, request: ReadInstallationRequest) -> ReadInstallationAnswer:
        """Ask the installation's own workflow how it ended."""
        workflow_id = installation_workflow_id(self._cluster_name, request.provider)
        try:
            view = await self._client.get_workflow_handle(workflow_id).query(
                STATE_QUERY, result_type=InstallationView
            )
        except RPCError as err:
            if err.status is not RPCStatusCode.NOT_FOUND:
                raise
            return ReadInstallationAnswer()
        return ReadInstallationAnswer(outcome=view.last_install)

    @implements(JOIN_INSTALLATION)
    async def request_installation(self, request: JoinRequest) -> JoinAnswer:
        """Start the installation, or join the one that runs."""
        if request.provider in PREREQUISITES:
            # Whoever may register a provider and deploy has nothing of the cluster's installed by it.
            raise refused(f"{request.provider} is a shared prerequisite: no deployment has it installed")
        if not self._installs:
            raise refused(
                f"installation of {request.provider} refused: deployments have nothing installed here"
                f" (AIRUNWAY_PROVIDER_INSTALL); run: airunway providers install {request.provider}"
            )
        workflow_id = installation_workflow_id(self._cluster_name, request.provider)
        await self._client.start_workflow(
            PROVIDER_INSTALLATION_WORKFLOW,
            InstallationInput(provider=request.provider),
            id=workflow_id,
            task_queue=core_task_queue(self._cluster_name),
            start_signal=JOIN_INSTALLATION_SIGNAL,
            start_signal_args=[request],
            priority=Priority(fairness_key=namespace_of(request.waiter)),
            search_attributes=attributes_at_start(
                {CLUSTER: self._cluster_name, PROVIDER: request.provider}, self._search_attributes()
            ),
            static_summary=f"installation of provider {request.provider}",
        )
        return JoinAnswer(
            workflow_id=workflow_id, installer=await has_installer(self._client, self._cluster_name)
        )


async def has_installer(client: Client, cluster_name: str) -> bool:
    """Whether some worker listens on the installer's queue; true when nobody can tell."""
    ask = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue_beside(core_task_queue(cluster_name), INSTALLER_QUEUE)),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    try:
        answer = await client.workflow_service.describe_task_queue(ask)
    except RPCError:
        return True
    return bool(answer.pollers)
