"""Kubernetes Events, best effort and without duplicates.

The name of an Event is a digest of what it says about which object, so recording it again (a retried
activity, a second worker) raises the count of the first instead of adding a line.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import structlog

from airunway.api import names
from airunway.api.conditions import rfc3339
from airunway.clients.errors import AlreadyExists, ApiError
from airunway.clients.kubernetes import EVENTS, Cluster, Object

_log = structlog.get_logger(__name__)

MESSAGE_LIMIT = 1024  # what the API server accepts


def deployment_reference(*, namespace: str, name: str, uid: str) -> Object:
    """What an Event about a ModelDeployment refers to."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "name": name,
        "namespace": namespace,
        "uid": uid,
    }


async def record_event(
    cluster: Cluster, involved: Object, *, reason: str, message: str, warning: bool, component: str
) -> None:
    """Record an Event about an object (its apiVersion, kind, name, namespace and uid). Never raises ApiError.

    A lost Event must not fail the step that recorded it; the status says the same and does not expire.
    """
    namespace = involved.get("namespace") or "default"
    kind = "Warning" if warning else "Normal"
    text = message[:MESSAGE_LIMIT]
    content = "\0".join((involved.get("uid", ""), kind, reason, text))
    name = f"{involved['name'][:230]}.{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    now = rfc3339(datetime.now(UTC))
    body: Object = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": involved,
        "reason": reason,
        "message": text,
        "type": kind,
        "source": {"component": component},
        "reportingComponent": component,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        try:
            await cluster.create(EVENTS, body, namespace=namespace)
        except AlreadyExists:
            recorded = await cluster.get(EVENTS, name, namespace=namespace)
            update = {"count": int(recorded.get("count") or 1) + 1, "lastTimestamp": now}
            await cluster.patch(EVENTS, name, update, namespace=namespace)
    except ApiError as err:
        log = _log.bind(reason=reason, object=involved["name"], error=str(err)[:200])
        cluster.outage.suspect(lambda: log.warning("event not recorded"))
