"""A provider of a test's own on real servers, and the ways to it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from airunway.api.names import core_task_queue, installation_workflow_id
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIGS,
    CRDS,
    PODS,
    SECRETS,
    Cluster,
)
from airunway.messages.installation import (
    InstallationRequest,
    Operation,
    PreflightAnswer,
    PreflightRequest,
)
from airunway.messages.installation_workflow import (
    REQUEST_INSTALLATION,
    InstallationInput,
    InstallationOutcome,
    InstallationView,
)
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import PretendNode
from airunway.sandbox.operators.timing import Timing
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.servers import ChartServer
from tests.real.processes import CLUSTER_NAME, Processes

INSTALLATIONS = "installations.yaml"
NODE = PretendNode(name="pretend-install-0", gpus=0)


LABELS = "app.kubernetes.io/name=operator,app.kubernetes.io/instance={release}"


@dataclass
class Site:
    """A provider of the test's own on the real cluster, and the ways to it."""

    cluster: Cluster
    client: Client
    charts: ChartServer
    processes: Processes
    folder: Path
    provider: str = field(default_factory=lambda: f"p{uuid.uuid4().hex[:8]}")
    held: asyncio.Event = field(default_factory=asyncio.Event)
    operators: PretendOperators | None = None
    installations: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """Of processes that install: where it says what, and that charts come from this machine."""
        return {
            "AIRUNWAY_PROVIDER_INSTALLATIONS": str(self.folder / INSTALLATIONS),
            "AIRUNWAY_INSIDE_HOSTS": json.dumps([self.charts.url]),
        }

    @property
    def space(self) -> str:
        return f"{self.provider}-system"

    @property
    def group(self) -> str:
        return f"{self.provider}.example.test"

    def chart(self, name: str = "operator", *, version: str = "") -> Path:
        target = self.folder / uuid.uuid4().hex[:6]
        target.mkdir()
        return copy_chart(name, target, group=self.group, version=version)

    async def register(
        self, provider: str = "", *, labels: str = "", crds: tuple[str, ...] = ("gadgets",), **chart: Any
    ) -> None:
        """The provider's config, and what an administrator says is installed for it."""
        entry = {
            "name": f"{self.provider}-op",
            "chart": "test/operator",
            "version": "2.1.0",
            "namespace": self.space,
            "createNamespace": True,
            **chart,
        }
        installation = {
            "helmRepos": [{"name": "test", "url": self.charts.repository}],
            "helmCharts": [entry],
        }
        selector = labels or LABELS.format(release=entry["name"])
        health = {
            "crds": [f"{plural}.{self.group}" for plural in crds],
            "operatorPods": [{"namespace": self.space, "selectors": [selector]}],
        }
        self.installations[provider or self.provider] = installation | {"health": health}
        (self.folder / INSTALLATIONS).write_text(json.dumps(self.installations))
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": provider or self.provider},
            "spec": {"capabilities": {"engines": [{"name": "vllm", "cpuSupport": True}]}},
        }
        await self.cluster.apply(CONFIGS, body, field_manager="test")

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker that installs."""
        return self.processes.start("worker", "--no-providers", **self.settings)

    # -- driving -----------------------------------------------------------------------------------------

    async def ask(
        self, operation: Operation = Operation.INSTALL, *, provider: str = "", **more: Any
    ) -> tuple[WorkflowHandle[Any, Any], str]:
        name = provider or self.provider
        request = InstallationRequest(provider=name, operation=operation, id=uuid.uuid4().hex[:8], **more)
        handle = await self.client.start_workflow(
            ProviderInstallationWorkflow.run,
            InstallationInput(provider=name),
            id=installation_workflow_id(CLUSTER_NAME, name),
            task_queue=core_task_queue(CLUSTER_NAME),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=REQUEST_INSTALLATION,
            start_signal_args=[request],
        )
        return handle, request.id

    async def do(self, operation: Operation = Operation.INSTALL, **more: Any) -> InstallationOutcome:
        return await self.outcome(*(await self.ask(operation, **more)))

    async def outcome(self, handle: WorkflowHandle[Any, Any], request: str) -> InstallationOutcome:
        while True:
            outcome = (await view_of(handle)).outcomes.get(request)
            if outcome is not None:
                return outcome
            await asyncio.sleep(0.1)

    async def plan(self, operation: Operation = Operation.INSTALL) -> PreflightAnswer:
        request = InstallationRequest(provider=self.provider, operation=operation)
        return await self.client.execute_workflow(
            ProviderPlanWorkflow.run,
            PreflightRequest(request=request, with_diff=True),
            id=f"{installation_workflow_id(CLUSTER_NAME, self.provider)}/plan/{uuid.uuid4().hex[:8]}",
            task_queue=core_task_queue(CLUSTER_NAME),
        )

    async def until_at(self, handle: WorkflowHandle[Any, Any], activity: str) -> None:
        """Until a worker has begun an activity, and said something of it."""
        started = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        while True:
            description = await handle.describe()
            for pending in description.raw_description.pending_activities:
                at_it = pending.activity_type.name == activity and pending.state == started
                if at_it and pending.heartbeat_details.payloads:
                    return
            await asyncio.sleep(0.1)

    async def pods_run(self) -> None:
        self.operators = PretendOperators(
            self.cluster, timing=Timing.instant(), nodes=[NODE], workloads=False, upstream=False
        )
        await self.operators.__aenter__()

    # -- what there is -----------------------------------------------------------------------------------

    async def releases(self) -> list[tuple[str, int, str]]:
        """Every record of a release in the provider's namespace: name, revision, status."""
        listing = await self.cluster.listing(SECRETS, namespace=self.space, label_selector="owner=helm")
        labels = [obj["metadata"]["labels"] for obj in listing.items]
        return sorted((entry["name"], int(entry["version"]), entry["status"]) for entry in labels)

    async def versions(self) -> dict[str, str]:
        """resourceVersion of everything the installation could touch."""
        found: dict[str, str] = {}
        for kind in (SECRETS, APPS_DEPLOYMENTS, PODS):
            for obj in (await self.cluster.listing(kind, namespace=self.space)).items:
                found[f"{kind.plural}/{obj['metadata']['name']}"] = obj["metadata"]["resourceVersion"]
        for obj in (await self.cluster.listing(CRDS)).items:
            if self.group in obj["metadata"]["name"]:
                found[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]
        return found


async def view_of(handle: WorkflowHandle[Any, Any]) -> InstallationView:
    """The state, as soon as a worker answers."""
    while True:
        try:
            async with asyncio.timeout(20):
                return await handle.query(ProviderInstallationWorkflow.state)
        except Exception:
            await asyncio.sleep(0.3)
