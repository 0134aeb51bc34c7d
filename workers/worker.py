"""The worker process: the core's task queue, the queues of the providers it serves, their registrations."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from airunway.activities.deployment.activities import DeploymentActivities
from airunway.activities.deployment.reading import SelectionOptions
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.gateway.activities import GatewayActivities
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.activities.installation.requests import InstallationRequests
from airunway.activities.model_image.activities import ModelImageActivities
from airunway.activities.trust.namespace_policies import NamespacePolicies
from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.decision import InstallPolicy
from airunway.api.names import (
    IMAGES_QUEUE,
    INSTALLER_QUEUE,
    core_task_queue,
    provider_task_queue,
    task_queue_beside,
)
from airunway.clients.kubernetes import Cluster
from airunway.clients.registry.client import RegistryClient
from airunway.metrics.families import begin_build_series, register_provider
from airunway.metrics.registry import EXPOSITION, Served
from airunway.provider.contract import Provider
from airunway.provider.model_access import with_access
from airunway.provider.registry import installed_providers
from airunway.workers.activity_failures import ActivityFailures
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.drain import until_drained
from airunway.workers.health import Ready
from airunway.workers.installer import installer_workers
from airunway.workers.model_images import (
    build_worker,
    built_model_images,
    model_image_activities,
    model_image_options,
    readable_model_images,
)
from airunway.workers.promotion import Promotion
from airunway.workers.registration import Registrar
from airunway.workers.registry_upkeep import keep_up, registry_upkeep
from airunway.workers.request_guard import RequestGuard
from airunway.workers.served_workflows import WORKFLOWS
from airunway.workers.settings import Settings
from airunway.workers.starting import say_start
from airunway.workers.temporal.connection import connect, follow_credentials
from airunway.workers.temporal.identity import process_identity
from airunway.workers.temporal.search_attributes import SearchAttributes
from airunway.workers.temporal_outage import keep_asking
from airunway.workers.trust import RegistriesOfImages, image_gate, namespace_policies
from airunway.workers.tuning import (
    DRAIN_TIMEOUT,
    HEARTBEAT_THROTTLE,
    STICKY_TIMEOUT,
    cached_workflows,
    core_tuner,
    give_tasks_time,
    memory_limit_bytes,
    spare_the_collector,
)
from airunway.workers.worker_version import WorkerVersion, decide_version, this_build

# Under the time that a step has inline: a slow registry must not turn every reconcile into a second attempt.
REGISTRY_REQUEST, REGISTRY_CALL = timedelta(seconds=2), timedelta(seconds=4)

USER_AGENT = "airunway-worker"
"""What it is called in the API server's audit log."""


def core_worker(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    served_locally: Mapping[str, Provider],
    images: ModelImageActivities,
    version: WorkerVersion,
    attributes: SearchAttributes,
    policies: NamespacePolicies,
    gateway_kinds: ServedGatewayKinds,
) -> Worker:
    """The worker of the core's queue. `served_locally`: providers whose steps it may do inline."""
    cache = SnapshotCache()
    gateway = _gateway_activities(cluster, settings, gateway_kinds, cache)
    providers = _provider_activities(cluster, settings, served_locally, policies, cache=cache)
    core = DeploymentActivities(
        cluster,
        cache=cache,
        served_locally=served_locally,
        limits=settings.limits,
        options=_selection_options(settings),
        search_attributes=lambda: attributes.known,
        gateway_kinds=gateway_kinds,
        routes=gateway.routes,
        gate=providers.gate,
    )
    worker = Worker(
        client,
        task_queue=core_task_queue(settings.cluster),
        workflows=WORKFLOWS,
        activities=[
            *core.all,
            *images.all,
            *gateway.all,
            *providers.all,
            *_installation_requests(client, settings, attributes).all,
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
    return give_tasks_time(worker)


def _installation_requests(
    client: Client, settings: Settings, attributes: SearchAttributes
) -> InstallationRequests:
    return InstallationRequests(
        client,
        cluster_name=settings.cluster,
        installs=settings.provider_install is InstallPolicy.AUTO,
        search_attributes=lambda: attributes.known,
    )


def _selection_options(settings: Settings) -> SelectionOptions:
    return SelectionOptions(
        heartbeat_limit=settings.heartbeat_limit,
        fallback=settings.selection_fallback,
        selector_enabled=settings.selector_enabled,
        install_policy=settings.provider_install,
    )


def provider_worker(
    client: Client,
    cluster: Cluster,
    settings: Settings,
    provider: Provider,
    version: WorkerVersion,
    policies: NamespacePolicies,
) -> Worker:
    """The worker of one provider's queue."""
    return Worker(
        client,
        task_queue=provider_task_queue(settings.cluster, provider.name),
        activities=_provider_activities(cluster, settings, {provider.name: provider}, policies).all,
        max_concurrent_activities=settings.activities,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        deployment_config=version.label,
    )


def _provider_activities(
    cluster: Cluster,
    settings: Settings,
    providers: Mapping[str, Provider],
    policies: NamespacePolicies,
    *,
    cache: SnapshotCache | None = None,
) -> ProviderActivities:
    images = RegistryClient(
        mirrors=settings.registry_mirrors,
        allowed_hosts=settings.registry_hosts,
        policy=settings.outbound,
        request_timeout=REGISTRY_REQUEST,
        call_timeout=REGISTRY_CALL,
    )
    options = model_image_options(settings)
    pull_hosts = {options.pull_host, options.private_pull_host or options.pull_host}
    signed = RegistriesOfImages(images, readable_model_images(cluster, settings), pull_hosts=pull_hosts)
    built_at = pull_hosts if options.pull_secret else ()
    gate = image_gate(cluster, settings, policies, signed, built_at=built_at)
    return ProviderActivities(
        cluster,
        providers,
        env=os.environ,
        images=images,
        model_images=built_model_images(cluster, settings),
        cache=cache,
        gate=gate,
        impersonate=settings.impersonate,
        policy=settings.overrides_policy,
    )


def _gateway_activities(
    cluster: Cluster, settings: Settings, kinds: ServedGatewayKinds, cache: SnapshotCache | None = None
) -> GatewayActivities:
    options = settings.gateway_options(impersonate=settings.impersonate)
    return GatewayActivities(cluster, kinds=kinds, options=options, cache=cache or SnapshotCache())


def _registrar(cluster: Cluster, settings: Settings, provider: Provider) -> Registrar:
    queue = provider_task_queue(settings.cluster, provider.name)
    return Registrar(cluster, provider, task_queue=queue, heartbeat=settings.heartbeat)


def _begin_measuring(providers: Iterable[str]) -> None:
    EXPOSITION.serve(Served.WORKER)
    begin_build_series()
    for name in providers:
        register_provider(name)


def _say_start(settings: Settings, served: Iterable[str], *, core: bool, installer: bool) -> None:
    """One line, with the task queues that this process serves."""
    own = core_task_queue(settings.cluster)
    queues = [own, task_queue_beside(own, IMAGES_QUEUE)] if core else []
    queues += [task_queue_beside(own, INSTALLER_QUEUE)] if installer else []
    of_providers = [provider_task_queue(settings.cluster, name) for name in served]
    role = "worker" if core else "provider worker" if of_providers else "installer"
    say_start(role, settings, queues=[*queues, *of_providers])


async def _client(settings: Settings) -> Client:
    interceptors = [ActivityFailures(), RequestGuard(settings.cluster)]
    return await connect(settings, identity=process_identity(USER_AGENT), interceptors=interceptors)


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
    _begin_measuring(found)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            await Cluster.connect(settings.kubeconfig, context=settings.context, user_agent=USER_AGENT)
        )
        settings = await with_cluster_name(settings, cluster, patient=True)
        _say_start(settings, served, core=core, installer=installer)
        client = await _client(settings)
        attributes = SearchAttributes(client)
        version = await decide_version(client, settings) if core else this_build(settings)
        policies, gateway_kinds = namespace_policies(cluster, settings), ServedGatewayKinds(cluster)
        given = (client, cluster, settings)
        workers = [provider_worker(*given, one, version, policies) for one in served.values()]
        if core:
            await attributes.refresh()
            images = model_image_activities(cluster, settings, search_attributes=lambda: attributes.known)
            workers += [core_worker(*given, served, images, version, attributes, policies, gateway_kinds)]
            workers.append(build_worker(client, images, settings, version))
        if installer:
            workers += installer_workers(client, cluster, settings, version)
        async with asyncio.TaskGroup() as group:
            works = [*(worker.run() for worker in workers), *([policies.run()] if served else [])]
            for work in [*works, *([attributes.run(), gateway_kinds.run()] if core else [])]:
                group.create_task(work)
            for provider in served.values():
                group.create_task(_registrar(cluster, settings, provider).run())
            group.create_task(keep_asking(settings))
            group.create_task(follow_credentials(client, settings, workers=workers))
            if core:
                if upkeep := registry_upkeep(cluster, settings):
                    group.create_task(keep_up(upkeep))
                promotion = Promotion(client, version, settings, task_queue=core_task_queue(settings.cluster))
                group.create_task(promotion.run())
                await promotion.settled.wait()
                ready.drain = partial(until_drained, client, version, limit=settings.worker_drain)
            spare_the_collector()
            ready.parts["worker"] = True
