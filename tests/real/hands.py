"""A control plane whose workflows a test lays hands on, as a person does in Temporal's UI."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import deployment_workflow_id
from airunway.workers.temporal.converter import data_converter
from tests.e2e.system import PATIENCE_SECONDS, System

PRESENCE = timedelta(seconds=2)


class HandledSystem(System):
    """A whole system; who has no open workflow is noticed within seconds instead of half a minute."""

    def __init__(self, kubeconfig: Path, temporal_address: str) -> None:
        super().__init__(kubeconfig, temporal_address)
        self.settings = self.settings.model_copy(
            update={"cluster": f"hands-{uuid.uuid4().hex[:8]}", "presence": PRESENCE}
        )
        self.client: Client

    async def __aenter__(self) -> HandledSystem:
        self.client = await Client.connect(self.settings.temporal_address, data_converter=data_converter())
        await super().__aenter__()
        return self

    def workflow(self, name: str) -> WorkflowHandle[Any, Any]:
        """Whichever run a deployment has."""
        return self.client.get_workflow_handle(
            deployment_workflow_id(self.settings.cluster, self.namespace, name)
        )

    async def run_of(self, name: str) -> WorkflowExecutionDescription | None:
        """The latest run; None when Temporal knows none."""
        try:
            return await self.workflow(name).describe()
        except RPCError as err:
            if err.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def until_another_run(self, name: str, than: str) -> WorkflowExecutionDescription:
        """Wait for an open run with another id."""
        return await self.until_run(
            name,
            lambda run: run.run_id != than and run.status is WorkflowExecutionStatus.RUNNING,
            "another run",
        )

    async def until_run(
        self, name: str, holds: Callable[[WorkflowExecutionDescription], bool], what: str
    ) -> WorkflowExecutionDescription:
        """Wait until the latest run is so."""
        run = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (run := await self.run_of(name)) is None or not holds(run):
                    await asyncio.sleep(0.1)
                return run
        except TimeoutError:
            raise AssertionError(f"never happened: {what} of {name}; the latest run: {run}") from None

    async def until_answers_an_edit(self, name: str, replicas: int) -> None:
        """Change the spec, and wait until the upstream object has it and the status says so."""
        await self.edit(name, {"spec": {"scaling": {"replicas": replicas}}})
        await self.until(
            lambda: self.server(name).get("spec", {}).get("replicas") == replicas,
            f"{name} has {replicas} replicas",
        )
        await self.serve(name)
        generation = self.deployment(name)["metadata"]["generation"]
        await self.until(
            lambda: (
                self.status(name).get("observedGeneration") == generation
                and self.status(name).get("phase") == "Running"
            ),
            f"{name} is Running at generation {generation}",
        )

    async def open_runs(self) -> list[str]:
        """Ids of the open deployment workflows of this system."""
        query = "WorkflowType = 'ModelDeploymentWorkflow' AND ExecutionStatus = 'Running'"
        prefix = deployment_workflow_id(self.settings.cluster, self.namespace, "")
        found = []
        with contextlib.suppress(RPCError):
            async for run in self.client.list_workflows(query):
                if run.id.startswith(prefix):
                    found.append(run.id)
        return found
