"""Activities of a provider: ensure its upstream objects, read their state, delete them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from temporalio.exceptions import ApplicationError

from airunway.activities.deployment.object_cache import ObjectCache
from airunway.activities.step import implements
from airunway.activities.upstream.image_resolution import DigestResolver, ServingImageStep
from airunway.activities.upstream.ownership import is_owned_by
from airunway.activities.upstream.reconcile import UpstreamReconcile
from airunway.activities.upstream.render_context import Surroundings
from airunway.api import names
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import Cluster, Object
from airunway.clients.registry.client import RegistryClient
from airunway.messages.deployment import (
    RECONCILE_UPSTREAM,
    RELEASE_UPSTREAM,
    ReleaseAnswer,
    ReleaseRequest,
    UpstreamAnswer,
    UpstreamRequest,
)
from airunway.messages.failures import NOT_SERVED_HERE
from airunway.provider import Provider, UpstreamKind

INFERENCE_POOL_GROUP = "inference.networking.k8s.io"
POOLS_MEMORY_SECONDS = 60.0


class ProviderActivities:
    """The activities of the providers that this process serves."""

    def __init__(
        self,
        cluster: Cluster,
        providers: Mapping[str, Provider],
        *,
        env: Mapping[str, str],
        images: DigestResolver | None = None,
        cache: ObjectCache | None = None,
    ) -> None:
        self._cluster = cluster
        self._providers = providers
        self._surroundings = Surroundings(
            env=env,
            serving_images=ServingImageStep(images or RegistryClient(), env=env),
            serves_inference_pools=self._serves_inference_pools,
        )
        self._pools: tuple[float, bool] | None = None
        self._cache = cache or ObjectCache()

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [self.reconcile_upstream, self.release_upstream]

    @implements(RECONCILE_UPSTREAM)
    async def reconcile_upstream(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Apply the upstream objects of one generation where they differ, and read their state."""
        provider = self._provider(request.provider)
        known = self._cache.take(request.uid, request.resource_version)
        return await UpstreamReconcile(
            self._cluster, provider, request, surroundings=self._surroundings, known=known
        ).run()

    @implements(RELEASE_UPSTREAM)
    async def release_upstream(self, request: ReleaseRequest) -> ReleaseAnswer:
        """Delete every upstream object that the deployment owns; answer what is still there."""
        provider, namespace = self._provider(request.provider), request.ref.namespace
        found = await asyncio.gather(*(self._owned(kind, namespace, request.uid) for kind in provider.kinds))
        owned = [entry for entries in found for entry in entries]
        await asyncio.gather(*(self._delete(kind, obj) for kind, obj in owned))
        left = await asyncio.gather(
            *(self._cluster.find(kind, obj["metadata"]["name"], namespace=namespace) for kind, obj in owned)
        )
        remaining = [
            f"{kind.kind} {obj['metadata']['name']}"
            for (kind, obj), now in zip(owned, left, strict=True)
            if now is not None and now["metadata"]["uid"] == obj["metadata"]["uid"]
        ]
        return ReleaseAnswer(remaining=remaining)

    async def _serves_inference_pools(self) -> bool:
        """Whether the cluster has the gateway's inference extension; asked once a minute."""
        now = time.monotonic()
        if self._pools is None or now - self._pools[0] > POOLS_MEMORY_SECONDS:
            self._pools = (now, bool(await self._cluster.discovery.served_versions(INFERENCE_POOL_GROUP)))
        return self._pools[1]

    def _provider(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            raise ApplicationError(
                f"this worker does not serve provider {name}", type=NOT_SERVED_HERE, non_retryable=True
            )
        return provider

    async def _owned(self, kind: UpstreamKind, namespace: str, uid: str) -> list[tuple[UpstreamKind, Object]]:
        try:
            listing = await self._cluster.listing(
                kind, namespace=namespace, label_selector=f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
            )
        except NotFound:
            return []  # the kind is not served any more, so nothing of it is left
        return [(kind, obj) for obj in listing.items if is_owned_by(obj, uid)]

    async def _delete(self, kind: UpstreamKind, obj: Object) -> None:
        meta = obj["metadata"]
        if meta.get("deletionTimestamp"):
            return
        with contextlib.suppress(NotFound):
            await self._cluster.delete(kind, meta["name"], namespace=meta["namespace"], uid=meta["uid"])
