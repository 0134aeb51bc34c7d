"""What a status claims about a deployment, compared with the deployment. Pure.

A status is what this control plane derived, so nothing in it may contradict the object that it is written
to. What cannot be derived from the object alone (texts, counts, conditions) stays the word of the
workflow; what the main upstream object says is compared by `status_evidence`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.activities.owned import acting_providers, named_engine, named_images, named_provider
from airunway.api import names
from airunway.api.conditions import conditions_of, find_condition
from airunway.api.core_types import ConditionStatus
from airunway.api.model_deployment import EngineType
from airunway.api.status import DeploymentStatus, Phase, ServingImageStatus
from airunway.clients.registry.references import is_digest
from airunway.trust.references import is_same_repository

MAX_CONDITIONS = 64
MAX_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class Known:
    """A deployment as this process read it. `choosable`: providers that it may be given, if it has none."""

    obj: Mapping[str, Any]
    choosable: Collection[str]

    @property
    def uid(self) -> str:
        """metadata.uid."""
        return str(self.obj["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """metadata.generation."""
        return int(self.obj["metadata"].get("generation") or 0)

    @property
    def status(self) -> Mapping[str, Any]:
        """As it was read."""
        return self.obj.get("status") or {}


def status_problem(status: DeploymentStatus, known: Known) -> str:
    """The first claim that the deployment contradicts, in words; empty when there is none."""
    return next(_problems(status, known), "")


def _problems(status: DeploymentStatus, known: Known) -> Iterator[str]:
    observed = [status.observed_generation, *(entry.observed_generation for entry in status.conditions or ())]
    latest = max((generation or 0 for generation in observed), default=0)
    if latest > known.generation:
        yield f"it is about generation {latest}, and the deployment is at generation {known.generation}"
    if status.phase is Phase.TERMINATING and not known.obj["metadata"].get("deletionTimestamp"):
        yield "it says Terminating, and the deployment is not being deleted"
    yield from _provider_problems(status, known)
    yield from _engine_problems(status, known)
    if status.image is not None:
        yield from _image_problems(status.image, named_images(known.obj))
    yield from _readiness_problems(status, known)
    if len(status.conditions or ()) > MAX_CONDITIONS:
        yield f"it has more than {MAX_CONDITIONS} conditions"


def providers_meant(status: DeploymentStatus, known: Known) -> set[str]:
    """The provider that a status is about: the one it names, else those that act on the deployment."""
    name = status.provider.name if status.provider else None
    finalizers = known.obj["metadata"].get("finalizers") or ()
    return {name} if name else acting_providers(known.obj) | set(names.providers_of(finalizers))


def _provider_problems(status: DeploymentStatus, known: Known) -> Iterator[str]:
    name = status.provider.name if status.provider else None
    fixed = acting_providers(known.obj) | ({named_provider(known.obj)} - {""})
    allowed = fixed or set(known.choosable)
    if name and name not in allowed:
        owned = " or ".join(sorted(allowed)) or "not chosen"
        yield f"it names provider {name}, and the deployment's is {owned}"
    if status.phase is Phase.RUNNING and not name:
        yield "it says Running without a provider"


def _engine_problems(status: DeploymentStatus, known: Known) -> Iterator[str]:
    engine = status.engine.type if status.engine else None
    named, recorded = named_engine(known.obj), (known.status.get("engine") or {}).get("type")
    if engine and engine not in set(EngineType):
        yield f"it names engine {engine}, which there is not"
    if engine and named and engine not in (named, recorded):
        yield f"it names engine {engine}, and the deployment's is {named}"


def _image_problems(image: ServingImageStatus, named: Collection[str]) -> Iterator[str]:
    yield from image_problems(image)
    if named and image.requested and image.requested not in named:
        owned = " and ".join(sorted(named))
        yield f"it says that image {image.requested} was asked for, and the spec names {owned}"


def image_problems(image: ServingImageStatus) -> Iterator[str]:
    """What is wrong with the record of a serving image in itself: a digest is one of the image asked for."""
    requested, resolved, digest = image.requested or "", image.resolved or "", image.digest or ""
    if digest and not is_digest(digest):
        yield f"the image's digest {digest!r} is none"
    if not resolved or resolved == requested:
        return
    if not is_same_repository(resolved, requested):
        yield f"image {requested} is said to be {resolved}, which is another repository"
    pinned = resolved.partition("@")[2]
    if not is_digest(pinned) or digest not in ("", pinned):
        yield f"image {requested} is said to be {resolved}, which is not pinned by its digest"


def _readiness_problems(status: DeploymentStatus, known: Known) -> Iterator[str]:
    replicas, endpoint = status.replicas, status.endpoint
    counts = (replicas.desired, replicas.ready, replicas.available) if replicas else ()
    if any((count or 0) < 0 for count in counts):
        yield "it counts fewer than no replicas"
    if endpoint is not None and endpoint.port is not None and not 0 < endpoint.port <= MAX_PORT:
        yield f"its endpoint has port {endpoint.port}"
    ready, before = (
        find_condition(status.conditions, "Ready"),
        find_condition(conditions_of(known.obj), "Ready"),
    )
    became = _is_true(ready) and not _is_true(before)
    if became and status.phase not in (Phase.RUNNING, Phase.TERMINATING):
        yield f"its condition Ready became True, and its phase is {status.phase}"


def _is_true(entry: Any) -> bool:
    return entry is not None and entry.status is ConditionStatus.TRUE
