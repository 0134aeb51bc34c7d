"""The activities that publish a deployment behind a Gateway, and take that back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import activity

from airunway.activities.deployment.reading import parsed
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.gateway.facts import GatewayFactsReader, GatewayOptions
from airunway.activities.gateway.reading import GatewayRendering, render_gateway
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.activities.gateway.writing import carry_out, take_back
from airunway.activities.owned import gateway_enabled, is_pretence, recorded_provider, refused
from airunway.activities.step import implements
from airunway.activities.upstream.owner import find_owner, has_moved_on
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.gateway import (
    APPLY_GATEWAY,
    READ_GATEWAY,
    REMOVE_GATEWAY,
    ApplyGatewayAnswer,
    ApplyGatewayRequest,
    GatewayReading,
    GatewayRequest,
    RemoveGatewayAnswer,
    RemoveGatewayRequest,
)


class GatewayActivities:
    """The gateway's steps for one cluster. `kinds`: what it serves; `cache`: what this process read."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        kinds: ServedGatewayKinds,
        options: GatewayOptions,
        cache: SnapshotCache,
        reader: GatewayFactsReader | None = None,
    ) -> None:
        self._cluster, self._kinds, self._options, self._cache = cluster, kinds, options, cache
        self._reader = reader or GatewayFactsReader(cluster, options)

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [self.read_gateway, self.apply_gateway, self.remove_gateway]

    @implements(READ_GATEWAY)
    async def read_gateway(self, request: GatewayRequest) -> GatewayReading:
        """Find out how a deployment is published, and what has to be written; write nothing."""
        served = await self._kinds.now(fresh=request.fresh)
        if not served.complete:
            return GatewayReading(missing_kinds=served.missing)
        owner = await find_owner(self._cluster, request.ref, request.uid)
        if owner is None:
            return GatewayReading(gone=True)
        if has_moved_on(owner, request.generation) or gateway_enabled(owner) is False:
            return GatewayReading(superseded=True)
        refuse_other_provider(owner, request)
        answer = (await self._rendering(request, owner)).answer()
        self._cache.read_gateway(request.uid, answer.status)
        return answer

    @implements(APPLY_GATEWAY)
    async def apply_gateway(self, request: ApplyGatewayRequest) -> ApplyGatewayAnswer:
        """Do what was planned, and say how the deployment is published now."""
        wanted = request.read_from
        owner = await find_owner(self._cluster, request.ref, wanted.uid)
        if owner is None:
            return ApplyGatewayAnswer(gone=True)
        refuse_other_provider(owner, wanted)
        served = await self._kinds.now()
        if has_moved_on(owner, wanted.generation) or gateway_enabled(owner) is False or not served.complete:
            return ApplyGatewayAnswer(superseded=True)
        found = await self._rendering(wanted, owner)
        is_first = activity.in_activity() and activity.info().attempt == 1
        answer = await carry_out(self._cluster, request, found, options=self._options, is_first=is_first)
        self._cache.read_gateway(wanted.uid, answer.status)
        return answer

    @implements(REMOVE_GATEWAY)
    async def remove_gateway(self, request: RemoveGatewayRequest) -> RemoveGatewayAnswer:
        """Take back what publishes a deployment that is deleted, gone, or not to be published."""
        owner = await find_owner(self._cluster, request.ref, request.uid)
        if (
            owner is not None
            and not owner["metadata"].get("deletionTimestamp")
            and gateway_enabled(owner) is not False
        ):
            raise refused(
                f"taking back the gateway's objects of {request.ref} refused: it is not being deleted, and"
                " does not say spec.gateway.enabled: false"
            )
        return await take_back(
            self._cluster,
            request,
            served=await self._kinds.now(fresh=True),
            reader=self._reader,
            options=self._options,
        )

    async def routes(self, owner: Mapping[str, Any]) -> bool:
        """Whether requests for a deployment will come by a Gateway, so that it needs no way in of its own.

        Raises ApiError.
        """
        if gateway_enabled(owner) is False or is_pretence(owner):
            return False
        served = await self._kinds.now()
        if not served.complete:
            return False
        return (await self._reader.choice(parsed(dict(owner)), served)).gateway is not None

    async def _rendering(self, request: GatewayRequest, owner: Object) -> GatewayRendering:
        return await render_gateway(
            self._cluster,
            request,
            owner,
            reader=self._reader,
            served=self._kinds.known,
            options=self._options,
        )


def refuse_other_provider(owner: Object, request: GatewayRequest) -> None:
    """See that a deployment is published as of its own provider. Raises a final failure."""
    own = recorded_provider(owner)
    if own and request.provider != own:
        raise refused(f"{request.ref} is not published as of {request.provider}: its provider is {own}")
