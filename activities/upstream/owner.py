"""The deployment that upstream objects belong to: is it still what a step was asked for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.clients.kubernetes import DEPLOYMENTS, MERGE_PATCH, Cluster, Object
from airunway.messages.refs import DeploymentRef
from airunway.provider import Provider


async def find_owner(cluster: Cluster, ref: DeploymentRef, uid: str) -> Object | None:
    """The deployment of that uid as it is; None when it is gone, or another one of the name is there.

    Raises ApiError.
    """
    obj = await cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace)
    return obj if obj is not None and obj["metadata"]["uid"] == uid else None


def has_moved_on(obj: Mapping[str, Any], generation: int) -> bool:
    """Whether a deployment is no longer what was decided on: deleted, changed, or paused."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp") or meta["generation"] != generation:
        return True
    return names.is_paused(meta)


def missing_finalizer(obj: Mapping[str, Any], provider: Provider) -> str:
    """The provider's finalizer if it is not on yet; else empty."""
    return "" if provider.finalizer in (obj["metadata"].get("finalizers") or ()) else provider.finalizer


async def put_finalizer(cluster: Cluster, obj: Object, finalizer: str) -> None:
    """Put the finalizer on a deployment if it is still at the version given. Raises Conflict, ApiError.

    So the write itself checks everything that was read of the deployment.
    """
    meta = obj["metadata"]
    held = meta.get("finalizers") or []
    body = {"metadata": {"finalizers": [*held, finalizer], "resourceVersion": meta["resourceVersion"]}}
    await cluster.patch(
        DEPLOYMENTS, meta["name"], body, namespace=meta["namespace"], content_type=MERGE_PATCH
    )
