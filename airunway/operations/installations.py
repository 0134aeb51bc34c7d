"""Operators of providers: what an operation would do, asking for it, and how it stands."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import exceptions
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.service import RPCError

from airunway.activities.installation.requests import has_installer
from airunway.api import names
from airunway.messages.installation import InstallationRequest, PreflightAnswer, PreflightRequest
from airunway.messages.installation_workflow import (
    REQUEST_INSTALLATION,
    InstallationInput,
    InstallationView,
)
from airunway.operations.errors import NotDelivered, Refused
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import PATIENCE, ProviderPlanWorkflow

PLANNING = PATIENCE + timedelta(minutes=1)
NO_ANSWER = (
    f"no worker of this cluster answered within {PLANNING.total_seconds():.0f} s; "
    "is `airunway worker` running?"
)
NO_INSTALLER = (
    "no installer of this cluster listens; run `airunway worker --installer`, or apply deploy/installer"
)


async def require_installer(client: Client, cluster_name: str) -> None:
    """Raises NotDelivered when nobody installs providers in a cluster."""
    if not await has_installer(client, cluster_name):
        raise NotDelivered(NO_INSTALLER)


async def plan_installation(
    client: Client, cluster_name: str, request: InstallationRequest
) -> PreflightAnswer:
    """What a request would do. Raises Refused with the reason, NotDelivered."""
    try:
        return await client.execute_workflow(
            ProviderPlanWorkflow.run,
            PreflightRequest(request=request, with_diff=True),
            id=f"{names.installation_workflow_id(cluster_name, request.provider)}/plan/{request.id}",
            task_queue=names.core_task_queue(cluster_name),
            static_summary=f"plan {request.operation.value} of provider {request.provider}",
            execution_timeout=PLANNING,
        )
    except WorkflowFailureError as err:
        if isinstance(err.cause, exceptions.TimeoutError):
            raise NotDelivered(NO_ANSWER) from err
        raise Refused(_innermost(err)) from err


async def request_installation(
    client: Client, cluster_name: str, request: InstallationRequest
) -> WorkflowHandle[Any, Any]:
    """Have it done after what is under way; answers at once, with the run that got the request."""
    return await client.start_workflow(
        ProviderInstallationWorkflow.run,
        InstallationInput(provider=request.provider),
        id=names.installation_workflow_id(cluster_name, request.provider),
        task_queue=names.core_task_queue(cluster_name),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=REQUEST_INSTALLATION,
        start_signal_args=[request],
        static_summary=f"installation of provider {request.provider}",
    )


async def installation_view(
    client: Client, cluster_name: str, provider: str, *, patience: float
) -> InstallationView | None:
    """How the newest installation of a provider stands; None: there is none, or nobody answers in time."""
    handle = client.get_workflow_handle(names.installation_workflow_id(cluster_name, provider))
    try:
        async with asyncio.timeout(patience):
            return await handle.query(ProviderInstallationWorkflow.state)
    except (RPCError, TemporalError, TimeoutError):
        return None


def _innermost(err: BaseException) -> str:
    while err.__cause__ is not None:
        err = err.__cause__
    return err.message if isinstance(err, ApplicationError) else str(err)
