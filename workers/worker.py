"""The worker process: the core's task queue, the queues of the providers it serves, their registrations."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from airunway.activities.deployment.activities import DeploymentActivities
from airunway.activities.deployment.reading import SelectionOptions
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.installation.activities import InstallationActivities
from airunway.activities.installation.requests import InstallationRequests
from airunway.activities.model_image.activities import ModelImageActivities
from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.names import (
    INSTALLER_QUEUE,
    core_task_queue,
    provider_task_queue,
    task_queue_beside,
)
from airunway.clients.helm import Helm
from airunway.clients.kubernetes import Cluster
from airunway.clients.registry.client import RegistryClient
from airunway.provider.contract import Provider
from airunway.provider.model_access import with_access
from airunway.provider.registry import installed_providers
from airunway.workers.cluster_guard import ClusterGuard
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.drain import until_drained
from airunway.workers.health import Ready
from airunway.workers.model_images import build_worker, model_image_activities
from airunway.workers.promotion import Promotion
from airunway.workers.registration import Registrar
from airunway.workers.served_workflows import WORKFLOWS
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect, follow_credentials, process_identity
from airunway.workers.temporal.search_attributes import SearchAttributes
from airunway.workers.temporal_outage import keep_asking
from airunway.workers.tuning import (
    STICKY_TIMEOUT,
    cached_workflows,
    core_tuner,
    memory_limit_bytes,
    spare_the_collector,
)
from airunway.workers.version import installed_version
from airunway.workers.worker_version import WorkerVersion, decide_version, this_build

_log = structlog.get_logger(__name__)

# Under the time that a step has inline: a slow registry must not turn every reconcile into a second attempt.
REGISTRY_REQUEST, REGISTRY_CALL = timedelta(seconds=2), timedelta(seconds=4)

USER_AGENT = "airunway-worker"
"""What it is called in the API server's audit log."""

INSTALLATIONS = 8
"""Steps of installations at once; each may hold a child process of a hundred megabytes."""
HEARTBEAT_THROTTLE = timedelta(seconds=1)
"""Signs of life go out as they are given: the SDK would keep one back until just before the silence is over
for which a worker is taken for dead."""

# Under the grace period of a pod, so that running activities end before the process is killed.
DRAIN_TIMEOUT = timedelta(seconds=8)


def core_worker(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    served_locally: Mapping[str, Provider],
    images: ModelImageActivities,
    version: WorkerVersion,
    attributes: SearchAttributes,
) -> Worker:
    """The worker of the core's queue. `served_locally`: providers whose steps it may do inline."""
    cache = SnapshotCache()
    core = DeploymentActivities(
        cluster,
        cache=cache,
        served_locally=served_locally.keys(),
        limits=settings.limits,
        options=SelectionOptions(
            heartbeat_limit=settings.heartbeat_limit,
            fallback=settings.selection_fallback,
            selector_enabled=settings.selector_enabled,
            install_policy=settings.provider_install,
        ),
        search_attributes=lambda: attributes.known,
    )
    return Worker(
        client,
        task_queue=core_task_queue(settings.cluster),
        workflows=WORKFLOWS,
        activities=[
            *core.all,
            *images.all,
            *_provider_activities(cluster, settings, served_locally, cache).all,
            *InstallationRequests(
                client, cluster_name=settings.cluster, search_attributes=lambda: attributes.known
            ).all,
        ],
        # The sandbox is a guard for development: every test of a workflow runs in it, which keeps clocks,
        # randomness and I/O out. Here it would only cost a fifth of the worker's processor time.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.cached_workflows or cached_workflows(memory_limit_bytes()),
        tuner=core_tuner(
            warm=settings.workflow_tasks, cold=settings.replays_at_once, activities=settings.activities
        ),
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        deployment_config=version.config,
    )


def provider_worker(
    client: Client, cluster: Cluster, settings: Settings, provider: Provider, version: WorkerVersion
) -> Worker:
    """The worker of one provider's queue."""
    return Worker(
        client,
        task_queue=provider_task_queue(settings.cluster, provider.name),
        activities=_provider_activities(cluster, settings, {provider.name: provider}).all,
        max_concurrent_activities=settings.activities,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        deployment_config=version.label,
    )


def _provider_activities(
    cluster: Cluster,
    settings: Settings,
    providers: Mapping[str, Provider],
    cache: SnapshotCache | None = None,
) -> ProviderActivities:
    images = RegistryClient(
        mirrors=settings.registry_mirrors,
        allowed_hosts=settings.registry_hosts,
        request_timeout=REGISTRY_REQUEST,
        call_timeout=REGISTRY_CALL,
    )
    return ProviderActivities(
        cluster,
        providers,
        env=os.environ,
        images=images,
        cache=cache,
        impersonate=settings.impersonate,
    )


def installer_worker(client: Client, cluster: Cluster, settings: Settings, version: WorkerVersion) -> Worker:
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
        deployment_config=version.label,
    )


def _registrar(cluster: Cluster, settings: Settings, provider: Provider) -> Registrar:
    queue = provider_task_queue(settings.cluster, provider.name)
    return Registrar(cluster, provider, task_queue=queue, heartbeat=settings.heartbeat)


async def run_worker(
    settings: Settings,
    *,
    providers: Mapping[str, Provider] | None = None,
    core: bool = True,
    installer: bool = True,
    ready: Ready | None = None,
) -> None:
    """Serve until cancelled: the named providers (None: every installed one), the core, installations."""
    found = installed_providers() if providers is None else providers
    served = {name: with_access(provider, settings.access_rule) for name, provider in found.items()}
    ready = ready or Ready()
    ready.parts["worker"] = False
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            await Cluster.connect(settings.kubeconfig, context=settings.context, user_agent=USER_AGENT)
        )
        settings = await with_cluster_name(settings, cluster, patient=True)
        _log.info("worker starts", cluster=settings.cluster, version=installed_version())
        guard = ClusterGuard(settings.cluster)
        client = await connect(settings, identity=process_identity("airunway-worker"), interceptors=[guard])
        attributes = SearchAttributes(client)
        version = await decide_version(client, settings) if core else this_build(settings)
        workers = [
            provider_worker(client, cluster, settings, provider, version) for provider in served.values()
        ]
        if core:
            await attributes.refresh()
            images = model_image_activities(cluster, settings, search_attributes=lambda: attributes.known)
            workers.append(core_worker(client, cluster, settings, served, images, version, attributes))
            workers.append(build_worker(client, images, settings, version))
        if installer:
            workers.append(installer_worker(client, cluster, settings, version))
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.run())
            for provider in served.values():
                group.create_task(_registrar(cluster, settings, provider).run())
            group.create_task(keep_asking(settings))
            group.create_task(follow_credentials(client, settings, workers=workers))
            if core:
                group.create_task(attributes.run())
                promotion = Promotion(client, version, settings, task_queue=core_task_queue(settings.cluster))
                group.create_task(promotion.run())
                await promotion.settled.wait()
                ready.drain = partial(until_drained, client, version, limit=settings.worker_drain)
            spare_the_collector()
            ready.parts["worker"] = True
