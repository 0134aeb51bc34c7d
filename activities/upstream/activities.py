"""Activities of a provider: render its upstream objects, apply them, read their state, delete them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from airunway.activities.deployment.finalizers import webhook_refusal
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.model_image.built import BuiltModelImages
from airunway.activities.owned import leaves_a_choice, refuse_unless_deleted
from airunway.activities.step import implements
from airunway.activities.trust.image_gate import ImageGate
from airunway.activities.upstream.applying import UpstreamApplication
from airunway.activities.upstream.image_resolution import DigestResolver, ServingImageStep
from airunway.activities.upstream.owner import find_owner, has_moved_on
from airunway.activities.upstream.ownership import is_owned_by
from airunway.activities.upstream.readiness import read_state
from airunway.activities.upstream.render_context import Surroundings
from airunway.activities.upstream.rendered_cache import RenderedCache
from airunway.activities.upstream.rendering import UpstreamRendering
from airunway.activities.upstream.served_api import ServedApis
from airunway.activities.upstream.tenant_account import TenantWrites, missing_right, tenant_writes
from airunway.activities.upstream.webhooks import conversion_refusal
from airunway.api import names
from airunway.clients.errors import ApiError, Forbidden, NotFound
from airunway.clients.kubernetes import Cluster, Object
from airunway.clients.registry.client import RegistryClient
from airunway.messages.failures import NOT_SERVED_HERE
from airunway.messages.upstream import (
    APPLY_UPSTREAM,
    READ_READINESS,
    RELEASE_UPSTREAM,
    RENDER,
    ApplyAnswer,
    ApplyRequest,
    Readiness,
    ReadinessRequest,
    ReleaseAnswer,
    ReleaseRequest,
    RenderAnswer,
    RenderRequest,
)
from airunway.provider import Provider, UpstreamKind
from airunway.provider.policy import OverridesPolicy


class ProviderActivities:
    """The activities of the providers that this process serves. `cache`: what it read of deployments.

    `policy`: what deployments may override and demand; absent: as the settings are by default.
    `gate`: which images and models may run; None: all.
    """

    def __init__(
        self,
        cluster: Cluster,
        providers: Mapping[str, Provider],
        *,
        env: Mapping[str, str],
        images: DigestResolver | None = None,
        model_images: BuiltModelImages | None = None,
        cache: SnapshotCache | None = None,
        policy: OverridesPolicy | None = None,
        gate: ImageGate | None = None,
        impersonate: str = "",
    ) -> None:
        self._cluster = cluster
        self._providers = providers
        self.gate = gate
        self._surroundings = Surroundings(
            env=env,
            serving_images=ServingImageStep(images or RegistryClient(), env=env),
            served_api=ServedApis(cluster).of,
            model_images=model_images,
            policy=policy or OverridesPolicy(),
            gate=gate,
            impersonate=impersonate,
        )
        self._snapshots = cache or SnapshotCache()
        self._rendered = RenderedCache()

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [self.render, self.apply_upstream, self.read_readiness, self.release_upstream]

    @implements(RENDER)
    async def render(self, request: RenderRequest) -> RenderAnswer:
        """Find out what one generation takes, and what of it has to be written; write nothing."""
        provider = self._provider(request.provider)
        known = self._snapshots.take(request.uid, request.resource_version)
        owner = known.deployment if known else await find_owner(self._cluster, request.ref, request.uid)
        if owner is None:
            return RenderAnswer(gone=True)
        if has_moved_on(owner, request.generation):
            return RenderAnswer(superseded=True)
        rendering = UpstreamRendering(
            self._cluster,
            provider,
            request,
            owner,
            surroundings=self._surroundings,
            inspect_all=self._rendered.is_to_inspect(request.uid),
        )
        rendered = await rendering.run()
        rendered.answer.choice_is_free = leaves_a_choice(owner)
        self._snapshots.read_upstream(request.uid, rendered.answer.status)
        if rendered.answer.writes:
            self._rendered.remember(rendered)
        return rendered.answer

    @implements(APPLY_UPSTREAM)
    async def apply_upstream(self, request: ApplyRequest) -> ApplyAnswer:
        """Do what was planned, and read what the API server made of it."""
        rendered_from = request.rendered_from
        answer = await UpstreamApplication(
            self._cluster,
            self._provider(rendered_from.provider),
            request,
            surroundings=self._surroundings,
            rendered=self._rendered.take(rendered_from),
            is_first=activity.in_activity() and activity.info().attempt == 1,
        ).run()
        self._snapshots.read_upstream(rendered_from.uid, answer.status)
        if answer.superseded:
            self._rendered.inspect_next(rendered_from.uid)
        return answer

    @implements(READ_READINESS)
    async def read_readiness(self, request: ReadinessRequest) -> Readiness:
        """Read the state of what was applied."""
        readiness = await read_state(self._cluster, self._provider(request.provider), request)
        self._snapshots.read_upstream(request.uid, readiness.status)
        return readiness

    @implements(RELEASE_UPSTREAM)
    async def release_upstream(self, request: ReleaseRequest) -> ReleaseAnswer:
        """Delete every upstream object of a deployment that is being deleted; answer what is still there."""
        provider, namespace = self._provider(request.provider), request.ref.namespace
        owner = await find_owner(self._cluster, request.ref, request.uid)
        if owner is None:
            return ReleaseAnswer()  # it is gone, and with it, through Kubernetes, what it owned
        refuse_unless_deleted(owner, request.ref, "deleting the upstream objects")
        try:
            found = await asyncio.gather(
                *(self._owned(kind, namespace, request.uid) for kind in provider.kinds)
            )
        except ApiError as err:
            if why := missing_right(err) if isinstance(err, Forbidden) else conversion_refusal(err):
                return ReleaseAnswer(remaining=[f"what cannot be looked at ({why})"])
            raise
        owned = [entry for entries in found for entry in entries]
        writes = tenant_writes(self._cluster, namespace, impersonate=self._surroundings.impersonate)
        deleted = await asyncio.gather(*(_delete(writes, kind, obj) for kind, obj in owned))
        left = await asyncio.gather(
            *(self._cluster.find(kind, obj["metadata"]["name"], namespace=namespace) for kind, obj in owned)
        )
        words = [f"{kind.kind} {obj['metadata']['name']}" for kind, obj in owned]
        return ReleaseAnswer(
            deleted=[word for word, done in zip(words, deleted, strict=True) if done.asked],
            remaining=[
                f"{word} ({done.refusal})" if done.refusal else word
                for word, done, (_, obj), now in zip(words, deleted, owned, left, strict=True)
                if now is not None and now["metadata"]["uid"] == obj["metadata"]["uid"]
            ],
        )

    def _provider(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            raise ApplicationError(
                f"this worker does not serve provider {name}", type=NOT_SERVED_HERE, non_retryable=True
            )
        return provider

    async def _owned(self, kind: UpstreamKind, namespace: str, uid: str) -> list[tuple[UpstreamKind, Object]]:
        ours = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
        for version in kind.versions:
            with contextlib.suppress(NotFound):
                listing = await self._cluster.listing(version, namespace=namespace, label_selector=ours)
                return [(version, obj) for obj in listing.items if is_owned_by(obj, uid)]
        return []  # the kind is not served any more, so nothing of it is left


@dataclass(frozen=True, kw_only=True)
class _Deletion:
    """Whether a deletion was asked for now; `refusal`: which right was missing for that, or what webhook."""

    asked: bool = False
    refusal: str = ""


async def _delete(writes: TenantWrites, kind: UpstreamKind, obj: Object) -> _Deletion:
    """Ask for it. A right that is missing may come, and the server of a webhook that an operator left behind.

    In the end Kubernetes deletes what has lost its owner.
    """
    meta = obj["metadata"]
    if meta.get("deletionTimestamp"):
        return _Deletion()
    try:
        await writes.cluster.delete(kind, meta["name"], namespace=meta["namespace"], uid=meta["uid"])
    except NotFound:
        pass
    except ApiError as err:
        right = writes.refusal(err) if isinstance(err, Forbidden) else ""
        refusal = right or webhook_refusal(err)
        if not refusal:
            raise
        return _Deletion(refusal=refusal)
    return _Deletion(asked=True)
