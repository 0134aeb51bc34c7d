"""What images of GGUF models are built and kept with. Both are made when the first one is wanted."""

from __future__ import annotations

from airunway.api import names
from airunway.cli.doctor.findings import DoctorFinding, fail, ok
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.placing import sandbox_of
from airunway.clients.kubernetes import APPS_DEPLOYMENTS


async def registry(place: DoctorPlace) -> list[DoctorFinding]:
    """The registry in the cluster."""
    if not place.settings.image_builds:
        return [ok("registry", "not needed: AIRUNWAY_IMAGE_BUILDS is off")]
    return [await _ready(place, "registry", names.REGISTRY, place.settings.image_namespace)]


async def builder(place: DoctorPlace) -> list[DoctorFinding]:
    """The BuildKit daemon in the cluster, or the one that is named."""
    settings = place.settings
    if not settings.image_builds:
        return [ok("builder", "not needed: AIRUNWAY_IMAGE_BUILDS is off")]
    if settings.buildkit_address:
        return [ok("builder", f"{settings.buildkit_address} (AIRUNWAY_BUILDKIT_ADDRESS); workers ask it")]
    return [await _ready(place, "builder", names.BUILDER, settings.buildkit_namespace)]


async def _ready(place: DoctorPlace, check: str, name: str, namespace: str) -> DoctorFinding:
    cluster = await place.cluster()
    if place.settings.kubeconfig and sandbox_of(place.settings.kubeconfig):
        return ok(check, "the sandbox's own, which only pretends; `airunway up` runs it")
    live = await cluster.find(APPS_DEPLOYMENTS, name, namespace=namespace)
    if live is None:
        return ok(check, "not there yet; it is made with the first image")
    wanted = (live.get("spec") or {}).get("replicas", 1)
    ready = int((live.get("status") or {}).get("readyReplicas") or 0)
    where = f"Deployment {namespace}/{name}"
    if ready or not wanted:
        return ok(check, f"{where}: {ready} ready" if wanted else f"{where} rests until it is needed")
    advice = f"see why: kubectl -n {namespace} describe deployment,pods -l app={name}"
    return fail(check, f"{where} has no ready pod, so no image is built", advice)
