"""The parts of model images, put together as the settings say; and the worker that builds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial

from temporalio.client import Client
from temporalio.worker import Worker

from airunway.activities.model_image.activities import ModelImageActivities
from airunway.activities.model_image.builder import (
    BuildKitBuilder,
    Endpoints,
    endpoint_in_cluster,
    endpoint_of,
)
from airunway.activities.model_image.built import BuiltModelImages
from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.model_image.orders import BuildOrders
from airunway.activities.model_image.published import PublishedModelImages, RecordedModelImages
from airunway.activities.model_image.pull_secrets import PullSecrets, read_pull_login
from airunway.activities.model_image.records import ModelImageRecords
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.activities.model_image.resolve import ModelImageResolver, Tokens
from airunway.activities.model_image.room import RegistryRoom
from airunway.activities.model_image.wanted import ImageOwners
from airunway.api import names
from airunway.api.quantities import parse
from airunway.clients.buildkit import BuildKitEndpoint
from airunway.clients.huggingface import HuggingFace
from airunway.clients.kubernetes import Cluster
from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.credentials import Login, RegistryCredentials, login_of_file, no_login
from airunway.clients.registry.references import parse_reference
from airunway.clients.registry.storage import ModelImageStorage, PrivateSide
from airunway.modelimage import naming
from airunway.modelimage.builder_objects import builder_host
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.retention import RoomLimits
from airunway.workers.settings import Settings
from airunway.workers.trust import image_signer
from airunway.workers.worker_version import WorkerVersion

# Temporal answers a heartbeat with a request to cancel: a build stops within seconds of it.
HEARTBEAT_EVERY = timedelta(seconds=1)
DRAIN_TIMEOUT = timedelta(seconds=8)


def model_image_activities(
    cluster: Cluster, settings: Settings, *, search_attributes: Callable[[], Collection[str]] = tuple
) -> ModelImageActivities:
    """All activities of model images. Raises ValueError for settings that contradict each other."""
    options = model_image_options(settings)
    bases, keeper = _base_images(settings, options), build_services(cluster, settings)
    hub, tokens = HuggingFace(settings.hugging_face, policy=settings.outbound), Tokens(cluster)
    owners = ImageOwners(cluster)
    resolver = ModelImageResolver(options, hub=hub, bases=bases, tokens=tokens)
    storage = _pushing_side(cluster, settings)
    return ModelImageActivities(
        options,
        resolver=resolver,
        orders=BuildOrders(resolver=resolver, tokens=tokens, hub=hub, storage=storage, owners=owners),
        owners=owners,
        published=PublishedModelImages(storage, model_image_records(cluster, settings), options),
        room=image_room(cluster, settings),
        pull_secrets=None if settings.image_registry else pull_secrets(cluster, settings),
        builder=BuildKitBuilder(
            _endpoints(settings, keeper),
            architecture=options.architecture,
            hub=settings.hugging_face,
            policy=settings.outbound,
        ),
        registry_keeper=None if settings.image_registry else keeper,
        builder_keeper=None if settings.buildkit_address else keeper,
        search_attributes=search_attributes,
        signer=image_signer(cluster, settings, storage, options),
    )


def build_services(cluster: Cluster, settings: Settings) -> BuildServices:
    """Who ensures registry and builder in the cluster."""
    bases = _base_images(settings, model_image_options(settings))
    logins = registry_logins(cluster, settings)
    return BuildServices(cluster, cluster_options(settings), digests=bases, logins=logins)


def model_image_records(cluster: Cluster, settings: Settings) -> ModelImageRecords:
    """What was built."""
    return ModelImageRecords(cluster, namespace=settings.pod_namespace)


def image_room(cluster: Cluster, settings: Settings) -> RegistryRoom:
    """The room of the registry that images are pushed to."""
    return RegistryRoom(
        cluster=cluster,
        records=model_image_records(cluster, settings),
        storage=_pushing_side(cluster, settings),
        limits=room_limits(settings),
        owned=not settings.image_registry,
    )


def _base_images(settings: Settings, options: ModelImageOptions) -> RegistryClient:
    return RegistryClient(
        mirrors=settings.registry_mirrors,
        # Named by whoever runs this, so these may be asked too.
        allowed_hosts=[
            *settings.registry_hosts,
            parse_reference(options.base).host,
            *([parse_reference(options.frontend).host] if options.frontend else []),
            parse_reference(settings.image_registry_image).host,
            parse_reference(settings.buildkit_image).host,
        ],
        policy=settings.outbound,
    )


def registry_logins(
    cluster: Cluster, settings: Settings
) -> tuple[ClusterRegistryLogin, ClusterRegistryLogin]:
    """Of the registry in the cluster: to push with; and the keys of what namespaces pull with."""
    login, keys = (
        ClusterRegistryLogin(
            cluster,
            namespace=settings.image_namespace,
            lifetime=settings.image_registry_login_lifetime,
            secret=secret,
        )
        for secret in (names.REGISTRY_LOGIN, names.PRIVATE_PULLS)
    )
    return login, keys


def pull_secrets(cluster: Cluster, settings: Settings) -> PullSecrets:
    """The Secrets of namespaces with private images in the registry in the cluster."""
    _, keys = registry_logins(cluster, settings)
    return PullSecrets(cluster, keys, model_image_options(settings).private_pull_host)


def readable_model_images(cluster: Cluster, settings: Settings) -> ModelImageStorage:
    """The registry that built images are kept in, as far as it can be read without a login of ours: the one
    in the cluster by its reading sides, and what is private with the Secret of its namespace."""
    space = settings.image_namespace
    private = PrivateSide(
        f"{names.PRIVATE_PULLS}.{space}.svc:{names.REGISTRY_PORT}",
        naming.namespace_of_private,
        partial(read_pull_login, cluster),
    )
    return _storage(settings, f"{names.REGISTRY_PULL}.{space}.svc:{names.REGISTRY_PORT}", no_login, private)


def _pushing_side(cluster: Cluster, settings: Settings) -> ModelImageStorage:
    login, _ = registry_logins(cluster, settings)

    async def of_namespace(_: str) -> RegistryCredentials:
        return await login.current()

    places = cluster_options(settings)
    private = PrivateSide(places.private_push_host, naming.namespace_of_private, of_namespace)
    return _storage(settings, places.push_host, login.current, private)


def _storage(settings: Settings, host: str, login: Login, private: PrivateSide) -> ModelImageStorage:
    """`host`, `login`, `private`: of the registry in the cluster; another one has its own."""
    ours = not settings.image_registry
    return ModelImageStorage(
        settings.image_registry or host,
        insecure=settings.image_registry_insecure or ours,
        login=login if ours else _login(settings, settings.image_registry),
        private=private if ours else None,
        architecture=settings.image_architecture,
        policy=settings.outbound,
    )


def built_model_images(cluster: Cluster, settings: Settings) -> BuiltModelImages:
    """By which a worker of providers sees that an image is the one that was built."""
    options, records = model_image_options(settings), model_image_records(cluster, settings)
    recorded = RecordedModelImages(readable_model_images(cluster, settings), records, options)
    return BuiltModelImages(recorded, options)


def model_image_options(settings: Settings) -> ModelImageOptions:
    """What the settings say about builds."""
    ours, local = not settings.image_registry, f"localhost:{settings.image_registry_node_port}"
    return ModelImageOptions(
        cluster_name=settings.cluster,
        enabled=settings.image_builds,
        hub=settings.hugging_face,
        base=settings.image_base,
        architecture=settings.image_architecture,
        frontend=settings.image_frontend,
        fixed_dates=settings.image_fixed_dates,
        registry_bytes=0 if settings.image_registry else int(parse(settings.image_registry_volume_size)),
        builder_bytes=0 if settings.buildkit_address else int(parse(settings.buildkit_volume_size)),
        pull_host=settings.image_registry_pull or settings.image_registry or local,
        private_pull_host=settings.image_registry_private_pull if ours else "",
        pull_secret=names.PULL_SECRET if ours else settings.image_pull_secret,
        stall=settings.image_stall,
    )


def cluster_options(settings: Settings) -> ClusterOptions:
    """What the settings say about registry and builder in the cluster."""
    return ClusterOptions(
        namespace=settings.image_namespace,
        builder_namespace=settings.buildkit_namespace,
        client_namespace=settings.pod_namespace,
        storage_class=settings.image_storage_class,
        registry_volume=settings.image_registry_volume_size,
        builder_volume=settings.buildkit_volume_size,
        builder_bytes=int(parse(settings.buildkit_volume_size)),
        empty_dir=not settings.image_volumes,
        rootless=settings.buildkit_rootless,
        registry_image=settings.image_registry_image,
        builder_image=settings.buildkit_image,
        node_port=settings.image_registry_node_port,
        push_host=settings.image_registry or registry_host(settings.image_namespace),
        private_push_host=""
        if settings.image_registry
        else registry_host(settings.image_namespace, names.REGISTRY_PRIVATE_PORT),
        push_insecure=settings.image_registry_insecure or not settings.image_registry,
        registry_readers=settings.image_registry_readers,
    )


def room_limits(settings: Settings) -> RoomLimits:
    """What the settings say about the room that images may take. Another registry than ours has its own."""
    volume = 0 if settings.image_registry else int(parse(settings.image_registry_volume_size))
    return RoomLimits(
        unused_for=settings.image_retention,
        registry_bytes=volume,
        namespace_share=settings.image_namespace_share,
        builds_per_namespace=settings.image_builds_per_namespace,
    )


def _login(settings: Settings, host: str) -> Login:
    file = settings.image_registry_login_file
    return login_of_file(file, host) if file is not None else no_login


def registry_host(namespace: str, port: int = names.REGISTRY_PORT) -> str:
    """What pods call the registry in the cluster."""
    return f"{names.REGISTRY}.{namespace}.svc:{port}"


def _endpoints(settings: Settings, keeper: BuildServices) -> Endpoints:
    if not settings.buildkit_address:
        return partial(endpoint_in_cluster, keeper, builder_host(cluster_options(settings)))
    endpoint = BuildKitEndpoint(
        address=settings.buildkit_address,
        ca_file=settings.buildkit_ca_file,
        cert_file=settings.buildkit_cert_file,
        key_file=settings.buildkit_key_file,
        server_name=settings.buildkit_server_name,
    )

    def endpoints() -> AbstractAsyncContextManager[BuildKitEndpoint]:
        return endpoint_of(endpoint)

    return endpoints


def build_worker(
    client: Client, images: ModelImageActivities, settings: Settings, version: WorkerVersion
) -> Worker:
    """The worker of the builds' queue: its slots are the limit of builds at once."""
    return Worker(
        client,
        task_queue=names.task_queue_beside(names.core_task_queue(settings.cluster), names.IMAGES_QUEUE),
        activities=images.builds,
        max_concurrent_activities=settings.image_builds_at_once,
        max_heartbeat_throttle_interval=HEARTBEAT_EVERY,
        default_heartbeat_throttle_interval=HEARTBEAT_EVERY,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        deployment_config=version.config,
    )
