"""The least that a control plane on Temporal can do for a deployment: the yardstick for ours.

Watch, start with a signal, read the deployment, write a Workspace and a status, wait for the signal of the
upstream watch, write a status. No validation, selection, ownership, finalizer, events or failure handling.
Absolute figures depend on the machine and its mood; the ratio to this does so much less.

    python -m benchmarks.deployments --bare
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Cluster
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.workers.health import probes
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from benchmarks.instant_operator import WORKSPACES

QUEUE = "bare"
SHORT = timedelta(seconds=10)


@workflow.defn(name="Bare")
class BareWorkflow:
    """Apply, wait, report."""

    def __init__(self) -> None:
        self.ready = False

    @workflow.signal
    def object_changed(self, ready: bool) -> None:
        """Something changed."""
        self.ready = self.ready or ready

    @workflow.run
    async def run(self, name: str, namespace: str) -> None:
        """The whole life."""
        where = [name, namespace]
        await workflow.execute_local_activity("decide", args=where, start_to_close_timeout=SHORT)
        await asyncio.gather(
            workflow.execute_local_activity("apply", args=where, start_to_close_timeout=SHORT),
            workflow.execute_local_activity(
                "report", args=[*where, "Deploying"], start_to_close_timeout=SHORT
            ),
        )
        await workflow.wait_condition(lambda: self.ready)
        await workflow.execute_local_activity(
            "report", args=[*where, "Running"], start_to_close_timeout=SHORT
        )
        await workflow.wait_condition(lambda: False)


class Bare:
    """Activities and watches."""

    def __init__(self, cluster: Cluster, client: Any) -> None:
        self._cluster, self._client = cluster, client
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: set[str] = set()

    @activity.defn(name="decide")
    async def decide(self, name: str, namespace: str) -> str:
        """Read it."""
        return str(
            (await self._cluster.get(DEPLOYMENTS, name, namespace=namespace))["spec"]["engine"]["type"]
        )

    @activity.defn(name="apply")
    async def apply(self, name: str, namespace: str) -> None:
        """Write the Workspace."""
        body = {
            "apiVersion": WORKSPACES.api_version,
            "kind": "Workspace",
            "metadata": {"name": name, "namespace": namespace},
            "resource": {"count": 1},
            "inference": {"preset": {"name": "m"}},
        }
        await self._cluster.apply(WORKSPACES, body, field_manager="bare")

    @activity.defn(name="report")
    async def report(self, name: str, namespace: str, phase: str) -> None:
        """Write the status."""
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": namespace},
            "status": {"phase": phase},
        }
        await self._cluster.apply(DEPLOYMENTS, body, field_manager="bare", subresource="status")

    def on_deployment(self, change: ObjectChange) -> None:
        """Signal what is new."""
        meta = change.object["metadata"]
        if meta["uid"] not in self._seen:
            self._seen.add(meta["uid"])
            self._signal(meta, ready=False)

    def on_workspace(self, change: ObjectChange) -> None:
        """Signal what is ready."""
        if (change.object.get("status") or {}).get("state") == "Ready":
            self._signal(change.object["metadata"], ready=True)

    def _signal(self, meta: dict[str, Any], *, ready: bool) -> None:
        task = asyncio.create_task(self._send(meta, ready))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, meta: dict[str, Any], ready: bool) -> None:
        await self._client.start_workflow(
            "Bare",
            args=[meta["name"], meta["namespace"]],
            id=f"bare/{meta['namespace']}/{meta['name']}",
            task_queue=QUEUE,
            start_signal="object_changed",
            start_signal_args=[ready],
        )


async def main() -> None:
    """Run until killed."""
    settings = Settings()
    client = await connect(settings)
    async with (
        await Cluster.connect(settings.kubeconfig, user_agent="bare") as cluster,
        probes(settings.health_port, lambda: True),
    ):
        bare = Bare(cluster, client)
        config = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": "kaito"},
        }
        await cluster.apply(CONFIGS, config, field_manager="bare")
        await cluster.apply(
            CONFIGS, {**config, "status": {"ready": True}}, field_manager="bare", subresource="status"
        )
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=[BareWorkflow],
            activities=[bare.decide, bare.apply, bare.report],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_workflow_tasks=16,
            build_id="bare",
        )
        await asyncio.gather(
            worker.run(),
            Reflector(cluster, DEPLOYMENTS, bare.on_deployment).run(),
            Reflector(cluster, WORKSPACES, bare.on_workspace).run(),
        )


if __name__ == "__main__":
    asyncio.run(main())
