"""The step that writes a deployment's status."""

from __future__ import annotations

import asyncio

from airunway.activities.deployment.event_folding import folded
from airunway.activities.step import implements
from airunway.api import names
from airunway.api.status import DeploymentStatus
from airunway.clients.errors import Conflict, Invalid, NotFound
from airunway.clients.events import deployment_reference, record_event
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.messages.deployment import WRITE_STATUS, StatusAnswer, StatusRequest
from airunway.messages.refs import DeploymentRef

COMPONENT = "airunway"
"""Whom Kubernetes shows as the source of our Events."""


class StatusActivity:
    """Writes the status by server-side apply, and Events."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @implements(WRITE_STATUS)
    async def write_status(self, request: StatusRequest) -> StatusAnswer:
        """Apply the status, and record what is worth an Event, at most one of each type. Safe to repeat."""
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
        answer, *_ = await asyncio.gather(
            self._apply(request.ref, request.uid, request.status), *record_events
        )
        return answer or StatusAnswer()

    async def _apply(
        self, ref: DeploymentRef, uid: str, status: DeploymentStatus | None
    ) -> StatusAnswer | None:
        if status is None:
            return None
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            # The uid makes the write fail on another object of the same name.
            "metadata": {"name": ref.name, "namespace": ref.namespace, "uid": uid},
            "status": status.dump(),
        }
        try:
            written = await self._cluster.apply(
                DEPLOYMENTS, body, field_manager=names.STATUS_FIELD_MANAGER, subresource="status"
            )
        except NotFound:
            return StatusAnswer(gone=True)
        except (Conflict, Invalid):  # perhaps of the uid: another object of the name
            live = await self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
            if live is None or live["metadata"]["uid"] != uid:
                return StatusAnswer(gone=True)
            raise
        return StatusAnswer(resource_version=written["metadata"]["resourceVersion"])
