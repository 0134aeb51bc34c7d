"""What comes before the graph: claims that are there, and a model that is downloaded. Pure.

Source: dynamo.md §7, weak spots 10 to 12 and 21. A stage is judged in every reconcile, also while the model
is served, so it must not take back what was once done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment, StorageVolume
from airunway.provider import Manifest, RenderContext, Stage, StageVerdict, condition, storage, text_at
from airunway.providers.dynamo.download import DOWNLOADED, download_stage
from airunway.providers.dynamo.ownership import is_going, is_ours, is_owned

STORAGE_READY = "StorageReady"
CONDITIONS = (STORAGE_READY, DOWNLOADED)

CLAIM_RETRY_SECONDS = 10
_PENDING_MESSAGE = "Waiting for PVCs to be bound"

Found = Mapping[str, Any] | None


class _Refused(Exception):
    """A claim that cannot be used."""


def stages(deployment: ModelDeployment, context: RenderContext) -> list[Stage]:
    """The claims of the volumes, then the download. Raises RenderError for what `render` refuses."""
    found = []
    volumes = storage.storage_volumes(deployment)
    if volumes:
        reads = [(storage.CLAIM, storage.claim_name(deployment, volume)) for volume in volumes]
        found.append(
            Stage(
                condition=STORAGE_READY,
                reads=reads,
                judge=lambda live: judge_claims(deployment, live),
                creates=storage.managed_claims(deployment),
            )
        )
    download = download_stage(deployment, context)
    return [*found, download] if download else found


def judge_claims(deployment: ModelDeployment, live: Sequence[Found]) -> StageVerdict:
    """Whether every claim can be mounted; `live` holds them in the order of the volumes (dynamo.md §7.1).

    The first claim that cannot be used ends it; what was to be made for earlier volumes is made.
    """
    managed = {claim["metadata"]["name"]: claim for claim in storage.managed_claims(deployment)}
    create: list[Manifest] = []
    delete: list[Mapping[str, Any]] = []
    waiting: list[str] = []
    unbound: list[str] = []
    for volume, claim in zip(storage.storage_volumes(deployment), live, strict=True):
        name = storage.claim_name(deployment, volume)
        try:
            if volume.size is None:
                usable = _is_bound(deployment, volume, name, claim)
            elif claim is None:
                create.append(managed[name])
                usable = False
            elif _is_of_an_earlier_deployment(deployment, name, claim):
                delete += [] if is_going(claim) else [claim]
                usable = False
            else:
                usable = _is_usable(name, claim)
        except _Refused as refused:
            return StageVerdict(
                condition=condition(STORAGE_READY, "False", "PVCFailed", str(refused)),
                failure=f"Failed to ensure PVCs: {refused}",
                retry_seconds=CLAIM_RETRY_SECONDS,
                create=create,
                delete=delete,
            )
        if not usable:
            waiting.append(_wait_for(volume, name, claim))
        elif _phase(claim) == "Pending":
            unbound.append(name)
    if waiting:
        return StageVerdict(
            condition=condition(
                STORAGE_READY, "False", "PVCsPending", f"{_PENDING_MESSAGE}: {', '.join(waiting)}"
            ),
            retry_seconds=CLAIM_RETRY_SECONDS,
            create=create,
            delete=delete,
        )
    return StageVerdict(
        condition=condition(STORAGE_READY, "True", "PVCsBound", _ready_message(unbound)), ready=True
    )


def _is_bound(deployment: ModelDeployment, volume: StorageVolume, name: str, claim: Found) -> bool:
    """Whether somebody else's claim can be mounted now."""
    if claim is None:
        raise _Refused(
            f'pre-existing PVC "{name}" not found in namespace "{deployment.namespace}" (referenced by '
            f'volume "{volume.name}"); create it, or set a size to have it made'
        )
    if _phase(claim) == "Lost":
        raise _Refused(f'pre-existing PVC "{name}" is in Lost phase')
    return _phase(claim) == "Bound"


def _is_of_an_earlier_deployment(deployment: ModelDeployment, name: str, claim: Mapping[str, Any]) -> bool:
    """Whether a claim is that of an earlier deployment of the same name."""
    if is_owned(deployment, claim):
        return False
    if not is_ours(claim):
        raise _Refused(f"PVC {name} exists and belongs to somebody else; delete it or rename the volume")
    return True


def _is_usable(name: str, claim: Mapping[str, Any]) -> bool:
    """Whether our own claim can be mounted; Pending counts, as many classes bind at the first mount."""
    if _phase(claim) == "Lost":
        raise _Refused(f"PVC {name} is in Lost phase")
    return _phase(claim) in ("Bound", "Pending") and not is_going(claim)


def _phase(claim: Found) -> str:
    return text_at(claim, "status", "phase") if claim is not None else ""


def _wait_for(volume: StorageVolume, name: str, claim: Found) -> str:
    """The claim, and what a person may have to do for it: nothing of ours mounts it before it is bound."""
    if volume.size is None and _phase(claim) == "Pending":
        return f"{name} (if its class binds at the first mount, mount it in a pod of yours once)"
    return name


def _ready_message(unbound: Sequence[str]) -> str:
    if not unbound:
        return "All PVCs are bound"
    return f"All PVCs can be mounted; bound when first mounted: {', '.join(unbound)}"
