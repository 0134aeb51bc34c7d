"""The worker process: the core's task queue, the queues of the providers it serves, their registrations."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from airunway.activities.deployment.activities import DeploymentActivities
from airunway.activities.deployment.object_cache import ObjectCache
from airunway.activities.installation.activities import InstallationActivities
from airunway.activities.installation.requests import InstallationRequests
from airunway.activities.model_image.activities import ModelImageActivities
from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.names import (
    INSTALLER_QUEUE,
    SYSTEM_NAMESPACE,
    core_task_queue,
    provider_task_queue,
    task_queue_beside,
)
from airunway.clients.helm import Helm
from airunway.clients.kubernetes import Cluster
from airunway.clients.registry.client import RegistryClient
from airunway.provider.contract import Provider
from airunway.provider.registry import installed_providers
from airunway.workers.cluster_guard import ClusterGuard
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.health import probes
from airunway.workers.heartbeats import HeartbeatSweep
from airunway.workers.leader import run_as_leader
from airunway.workers.model_images import build_worker, model_image_activities
from airunway.workers.registration import Registrar
from airunway.workers.settings import Settings
from airunway.workers.signal_queue import SignalQueue, WorkflowSender
from airunway.workers.temporal.connection import connect, follow_credentials, process_identity
from airunway.workers.temporal.search_attributes import SearchAttributes
from airunway.workers.version import installed_version
from airunway.workers.watcher import Watcher
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow

_log = structlog.get_logger(__name__)

# Under the time that a step has inline: a slow registry must not turn every reconcile into a second attempt.
REGISTRY_REQUEST, REGISTRY_CALL = timedelta(seconds=2), timedelta(seconds=4)

# Named here, because the SDK's own default compiles and digests every loaded module at start (2 s).
BUILD_ID = f"airunway-{installed_version()}"

INSTALLATIONS = 8
"""Steps of installations at once; each may hold a child process of a hundred megabytes."""
HEARTBEAT_THROTTLE = timedelta(seconds=1)

# Under the grace period of a pod, so that running activities end before the process is killed.
DRAIN_TIMEOUT = timedelta(seconds=8)


@dataclass
class Ready:
    """What `/readyz` answers: set once everything of the process has started."""

    parts: dict[str, bool] = field(default_factory=dict)

    def __call__(self) -> bool:
        """Whether every part is ready."""
        return bool(self.parts) and all(self.parts.values())


def core_worker(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    served_locally: Mapping[str, Provider],
    images: ModelImageActivities,
) -> Worker:
    """The worker of the core's queue. `served_locally`: providers whose steps it may do inline."""
    cache = ObjectCache()
    core = DeploymentActivities(
        cluster,
        cache=cache,
        served_locally=served_locally.keys(),
        limits=settings.limits,
        heartbeat_limit=settings.heartbeat_limit,
        fallback=settings.selection_fallback,
        selector_enabled=settings.selector_enabled,
        install_policy=settings.provider_install,
    )
    return Worker(
        client,
        task_queue=core_task_queue(settings.cluster),
        workflows=[
            ModelDeploymentWorkflow,
            ModelImageWorkflow,
            ProviderInstallationWorkflow,
            ProviderPlanWorkflow,
        ],
        activities=[
            *core.all,
            *images.all,
            *_provider_activities(cluster, settings, served_locally, cache).all,
            *InstallationRequests(client, cluster_name=settings.cluster).all,
        ],
        # The sandbox is a guard for development: every test of a workflow runs in it, which keeps clocks,
        # randomness and I/O out. Here it would only cost a fifth of the worker's processor time.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.cached_workflows,
        max_concurrent_workflow_tasks=settings.workflow_tasks,
        max_concurrent_activities=settings.activities,
        max_concurrent_local_activities=settings.activities,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        build_id=BUILD_ID,
    )


def provider_worker(client: Client, cluster: Cluster, settings: Settings, provider: Provider) -> Worker:
    """The worker of one provider's queue."""
    return Worker(
        client,
        task_queue=provider_task_queue(settings.cluster, provider.name),
        activities=_provider_activities(cluster, settings, {provider.name: provider}).all,
        max_concurrent_activities=settings.activities,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        build_id=BUILD_ID,
    )


def _provider_activities(
    cluster: Cluster,
    settings: Settings,
    providers: Mapping[str, Provider],
    cache: ObjectCache | None = None,
) -> ProviderActivities:
    images = RegistryClient(
        mirrors=settings.registry_mirrors,
        allowed_hosts=settings.registry_hosts,
        request_timeout=REGISTRY_REQUEST,
        call_timeout=REGISTRY_CALL,
    )
    return ProviderActivities(cluster, providers, env=os.environ, images=images, cache=cache)


def installer_worker(client: Client, cluster: Cluster, settings: Settings) -> Worker:
    """The worker that installs providers' operators, with whatever rights this process has."""
    helm = Helm(
        kubeconfig=settings.kubeconfig,
        context=settings.context,
        binary=settings.helm_binary,
        timeout=settings.helm_timeout,
    )
    installation = InstallationActivities(
        cluster,
        helm,
        heartbeat_limit=settings.heartbeat_limit,
        namespace=settings.pod_namespace,
        mirrors=settings.chart_mirrors,
    )
    return Worker(
        client,
        task_queue=task_queue_beside(core_task_queue(settings.cluster), INSTALLER_QUEUE),
        activities=installation.all,
        max_concurrent_activities=INSTALLATIONS,
        # Followed by people, and cancelled by them: a change must not wait for half a minute.
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        build_id=BUILD_ID,
    )


async def run_worker(
    settings: Settings,
    *,
    providers: Mapping[str, Provider] | None = None,
    core: bool = True,
    installer: bool = True,
    ready: Ready | None = None,
) -> None:
    """Serve until cancelled: the named providers (None: every installed one), the core, installations."""
    served = installed_providers() if providers is None else providers
    ready = ready or Ready()
    ready.parts["worker"] = False
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            await Cluster.connect(settings.kubeconfig, context=settings.context)
        )
        settings = await with_cluster_name(settings, cluster, patient=True)
        _log.info("worker starts", cluster=settings.cluster, version=installed_version())
        guard = ClusterGuard(settings.cluster)
        client = await connect(settings, identity=process_identity("airunway-worker"), interceptors=[guard])
        attributes = SearchAttributes(client)
        registrars = [
            Registrar(
                cluster,
                provider,
                task_queue=provider_task_queue(settings.cluster, provider.name),
                heartbeat=settings.heartbeat,
            )
            for provider in served.values()
        ]
        workers = [provider_worker(client, cluster, settings, provider) for provider in served.values()]
        if core:
            await attributes.refresh()
            images = model_image_activities(cluster, settings)
            workers.append(core_worker(client, cluster, settings, served, images))
            workers.append(build_worker(client, images, settings, build_id=BUILD_ID))
        if installer:
            workers.append(installer_worker(client, cluster, settings))
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.run())
            for registrar in registrars:
                group.create_task(registrar.run())
            group.create_task(follow_credentials(client, settings, workers=workers))
            if core:
                group.create_task(attributes.run())
            ready.parts["worker"] = True


async def run_watcher(
    settings: Settings, *, providers: Mapping[str, Provider] | None = None, ready: Ready | None = None
) -> None:
    """Watch while holding the Lease, until cancelled. Ready also while standing by."""
    known = installed_providers() if providers is None else providers
    ready = ready or Ready()
    ready.parts["watcher"] = False
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        settings = await with_cluster_name(settings, cluster, patient=True)
        _log.info("watcher starts", cluster=settings.cluster, version=installed_version())
        client = await connect(settings, identity=process_identity("airunway-watcher"))
        attributes = SearchAttributes(client)
        await attributes.refresh()
        sender = WorkflowSender(client, attributes)

        async def watch() -> None:
            signals = SignalQueue(sender, at_once=settings.signals_at_once)
            async with asyncio.TaskGroup() as group:
                group.create_task(Watcher(cluster, known, signals, cluster_name=settings.cluster).run())
                group.create_task(HeartbeatSweep(cluster, limit=settings.heartbeat_limit).run())

        ready.parts["watcher"] = True
        async with asyncio.TaskGroup() as group:
            group.create_task(follow_credentials(client, settings))
            group.create_task(attributes.run())
            await run_as_leader(
                cluster,
                watch,
                name="airunway-watcher",
                namespace=settings.pod_namespace or SYSTEM_NAMESPACE,
                lease_duration=settings.lease_duration,
            )


async def serve_probes(settings: Settings, ready: Ready) -> None:
    """Serve the probes until cancelled."""
    async with probes(settings.health_port, ready):
        await asyncio.Event().wait()
