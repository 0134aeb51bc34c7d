"""The deployment that upstream objects belong to: is it still what a step was asked for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.activities.deployment.status_claims import image_problems
from airunway.activities.owned import acting_providers, named_engine, refused
from airunway.api import names
from airunway.api.model_deployment import EngineType
from airunway.api.status import ServingImageStatus
from airunway.clients.kubernetes import DEPLOYMENTS, MERGE_PATCH, Cluster, Object
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import RenderRequest
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


def refuse_other_choice(owner: Mapping[str, Any], request: RenderRequest) -> None:
    """See that a deployment is rendered for its own provider and engine. Pure.

    What neither its spec nor its status says is for selection to decide. Raises a final failure.
    """
    own, engine = acting_providers(owner), named_engine(owner)
    if own and request.provider not in own:
        words = " or ".join(sorted(own))
        raise refused(f"{request.ref} is not rendered for {request.provider}: its provider is {words}")
    if request.engine and request.engine not in ({engine} if engine else set(EngineType)):
        raise refused(f"{request.ref} is not rendered for engine {request.engine}: its engine is {engine}")


def usable_image(owner: Mapping[str, Any], request: RenderRequest) -> ServingImageStatus | None:
    """What was found out of the serving image, and is not in the status yet; None: the status has it. Pure.

    Raises a final failure where it is not one of the image that was asked for.
    """
    image, known = request.image, (owner.get("status") or {}).get("image") or {}
    if image is None or (known.get("resolved") and known.get("requested") == image.requested):
        return None
    problem = next(image_problems(image), "")
    if problem:
        raise refused(f"{request.ref} is not rendered: {problem}")
    return image


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
