"""The step that writes a deployment's status.

What it is handed is compared with the deployment, as this process read it for the decision. Only where
that does not bear it out, or nothing is known, it is read again: a status costs no request more than its
write.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from airunway.activities.deployment.event_folding import folded
from airunway.activities.deployment.gateway_evidence import GatewayEvidence
from airunway.activities.deployment.image_evidence import ImageEvidence
from airunway.activities.deployment.reading import DeploymentReader
from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.deployment.status_claims import Known, status_problem
from airunway.activities.deployment.status_evidence import UpstreamEvidence
from airunway.activities.deployment.status_ownership import takeover_patch
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.activities.owned import refused
from airunway.activities.step import implements
from airunway.activities.trust.image_gate import ImageGate
from airunway.api import names
from airunway.clients.errors import Conflict, Invalid, NotFound
from airunway.clients.events import deployment_reference, record_event
from airunway.clients.kubernetes import DEPLOYMENTS, JSON_PATCH, Cluster
from airunway.messages.deployment import WRITE_STATUS, EventSpec, StatusAnswer, StatusRequest
from airunway.messages.refs import DeploymentRef
from airunway.provider import Provider

COMPONENT = "airunway"
"""Whom Kubernetes shows as the source of our Events."""
_REASON = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}")


class StatusActivity:
    """Writes the status by server-side apply, and Events. `providers`: those that this process serves."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        reader: DeploymentReader,
        cache: SnapshotCache,
        providers: Mapping[str, Provider],
        gateway_kinds: ServedGatewayKinds,
        gate: ImageGate | None,
    ) -> None:
        self._cluster, self._reader, self._cache = cluster, reader, cache
        self._gateway = GatewayEvidence(cluster, gateway_kinds, cache)
        self._evidence = UpstreamEvidence(cluster, providers, cache)
        self._images = ImageEvidence(gate, providers)

    @implements(WRITE_STATUS)
    async def write_status(self, request: StatusRequest) -> StatusAnswer:
        """Apply the status, and record what is worth an Event, at most one of each type. Safe to repeat."""
        obstacle = await self._obstacle(request)
        if obstacle is not None:
            return obstacle
        ref = request.ref
        involved = deployment_reference(namespace=ref.namespace, name=ref.name, uid=request.uid)
        record_events = [
            record_event(
                self._cluster,
                involved,
                reason=event.reason,
                message=event.message,
                warning=event.warning,
                component=COMPONENT,
            )
            for event in folded(request.events)
        ]
        answer, *_ = await asyncio.gather(self._apply(request), *record_events)
        return answer or StatusAnswer()

    async def _obstacle(self, request: StatusRequest) -> StatusAnswer | None:
        """Why nothing can be written; None: nothing is in the way.

        Raises a final failure when the deployment says otherwise.
        """
        ref, known = request.ref, self._cache.known(request.uid)
        if known is not None and _is_named(known, ref) and not await self._problem(request, known):
            return None
        obj, listed = await self._reader.read(ref)
        if obj is None or obj["metadata"]["uid"] != request.uid:
            return StatusAnswer(gone=True)
        if request.resource_version not in ("", obj["metadata"]["resourceVersion"]):
            return StatusAnswer(superseded=True)
        known = Known(obj=obj, choosable=[config.name for config, _ in listed])
        self._cache.read_deployment(known)
        problem = await self._problem(request, known)
        if problem:
            raise refused(f"status of deployment {ref} refused: {problem}")
        return None

    async def _problem(self, request: StatusRequest, known: Known) -> str:
        problem = _events_problem(request.events)
        if problem or request.status is None:
            return problem
        problem = status_problem(request.status, known)
        problem = problem or await self._gateway.problem(request.status, known)
        problem = problem or await self._evidence.problem(request.ref, request.status, known)
        return problem or await self._images.problem(request.ref, request.status, known)

    async def _apply(self, request: StatusRequest) -> StatusAnswer | None:
        ref, uid, status, version = request.ref, request.uid, request.status, request.resource_version
        if status is None:
            return None
        at_version = {"resourceVersion": version} if version else {}
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            # The uid makes the write fail on another object of the same name.
            "metadata": {"name": ref.name, "namespace": ref.namespace, "uid": uid, **at_version},
            "status": status.dump(),
        }
        try:
            if not version:  # which taking over would make another one
                await self._take_over(ref, uid, is_shared=status.phase is None)
            written = await self._cluster.apply(
                DEPLOYMENTS, body, field_manager=names.STATUS_FIELD_MANAGER, subresource="status"
            )
        except NotFound:
            return StatusAnswer(gone=True)
        except (Conflict, Invalid):  # perhaps of the uid: another object of the name
            live = await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
            if live is None or live["metadata"]["uid"] != uid:
                return StatusAnswer(gone=True)
            if version and live["metadata"]["resourceVersion"] != version:
                return StatusAnswer(superseded=True)
            raise
        self._cache.wrote_status(uid, written)
        return StatusAnswer(resource_version=written["metadata"]["resourceVersion"])

    async def _take_over(self, ref: DeploymentRef, uid: str, *, is_shared: bool) -> None:
        """Make ours what AI Runway's own controllers own of the status; as a rule that is nothing."""
        known = self._cache.known(uid)
        obj = known.obj if known is not None else None
        for is_fresh in (False, True):
            patch = takeover_patch(obj, is_shared=is_shared) if obj is not None else None
            if patch is None:
                return
            try:
                # Not of the subresource, where the API server takes no owners from the request.
                await self._cluster.patch(
                    DEPLOYMENTS,
                    ref.name,
                    patch,
                    namespace=ref.namespace,
                    content_type=JSON_PATCH,
                    field_manager=names.STATUS_FIELD_MANAGER,
                )
                return
            except (Conflict, Invalid):
                if is_fresh:
                    raise
                live = await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
                obj = live if live is not None and live["metadata"]["uid"] == uid else None


def _is_named(known: Known, ref: DeploymentRef) -> bool:
    meta = known.obj["metadata"]
    return bool(meta["namespace"] == ref.namespace and meta["name"] == ref.name)


def _events_problem(events: Sequence[EventSpec]) -> str:
    wrong = next((event.reason for event in events if not _REASON.fullmatch(event.reason)), None)
    return "" if wrong is None else f"the reason {wrong[:100]!r} of an Event is not one word"
