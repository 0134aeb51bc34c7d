"""What a deployment means for Dynamo: mode, path of a request, image. Source: dynamo.md §6, §8.2, §8.3."""

from __future__ import annotations

from dataclasses import dataclass

from airunway.api import names
from airunway.api.model_deployment import (
    ModelDeployment,
    ModelSource,
    ServingMode,
    StorageVolume,
    VolumePurpose,
)
from airunway.provider import RenderContext, rendering, storage
from airunway.providers.dynamo.options import Options, options_of
from airunway.providers.dynamo.release import ENGINE_IMAGES, MOCKER_IMAGE

MOCKER = "mocker"
DOWNLOAD_SUFFIX = "-model-download"
WORKERS = {False: ("VllmWorker",), True: ("VllmPrefillWorker", "VllmDecodeWorker")}
"""Keys of the workers' services, for every engine, by whether prefill and decode are apart."""


def is_mocker(deployment: ModelDeployment) -> bool:
    """Whether the test backend serves instead of an engine: no GPU, no gateway (dynamo.md §6)."""
    return deployment.metadata.annotations.get(names.ANNOTATION_TEST_BACKEND) == MOCKER


def is_disaggregated(deployment: ModelDeployment) -> bool:
    """Whether prefill and decode have workers of their own."""
    return deployment.serving_mode == ServingMode.DISAGGREGATED


def uses_gateway(deployment: ModelDeployment, context: RenderContext) -> bool:
    """Whether requests come through an InferencePool (services `Epp` and sidecars) or a `Frontend`.

    A picker that nobody routes to leaves a graph without an address (dynamo.md §8.2, weak spot 5).
    """
    gateway = deployment.spec.gateway
    switched_off = gateway is not None and gateway.enabled is False
    return context.routed_by_gateway and not is_mocker(deployment) and not switched_off


def cache_volume(deployment: ModelDeployment) -> StorageVolume | None:
    """The first volume for weights."""
    volumes = storage.storage_volumes(deployment)
    return next((entry for entry in volumes if entry.purpose is VolumePurpose.MODEL_CACHE), None)


def download_volume(deployment: ModelDeployment) -> StorageVolume | None:
    """The volume that a download Job fills before the workers start, or None (dynamo.md §7.2)."""
    volume = cache_volume(deployment)
    wanted = rendering.model_source(deployment) == ModelSource.HUGGINGFACE
    return volume if wanted and volume is not None and not volume.read_only else None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A deployment, with what follows from it for every service."""

    deployment: ModelDeployment
    engine: str
    mocker: bool
    disaggregated: bool
    gateway: bool
    options: Options
    image: str
    """Image of workers, sidecars and `Frontend`."""
    secret: str
    """Secret whose keys become environment variables; empty: none."""


def plan_of(deployment: ModelDeployment, context: RenderContext) -> Plan:
    """The plan of a deployment that passed the check. Raises RenderError for wrong overrides."""
    engine, mocker = deployment.engine_type, is_mocker(deployment)
    image = MOCKER_IMAGE if mocker else rendering.serving_image_override(deployment) or ENGINE_IMAGES[engine]
    return Plan(
        deployment=deployment,
        engine=engine,
        mocker=mocker,
        disaggregated=is_disaggregated(deployment),
        gateway=uses_gateway(deployment, context),
        options=options_of(deployment),
        image=image,
        secret=rendering.hugging_face_secret(deployment),
    )
