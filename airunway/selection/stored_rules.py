"""The rules that every reconcile checks on a stored deployment, webhook or not. Source: core.md §4.

The first violation wins. What only admission checks is in `airunway.selection.validation`.
"""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api import names
from airunway.api.core_types import ConditionStatus
from airunway.api.model_deployment import EngineType, ModelDeployment, ModelSource, ServingMode, WorkerGroup
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import compatibility, eligibility

MOCKER_PROVIDER = "dynamo"
MOCKER_ENGINE = EngineType.VLLM.value
MODEL_ID_REQUIRED = "model.id is required when source is huggingface"
GPU_IN_BOTH_PLACES = (
    "cannot specify both resources.gpu and scaling.prefill/decode in disaggregated mode;"
    " leave resources.gpu out"
)


def is_mocker(deployment: ModelDeployment) -> bool:
    """Whether the deployment runs on dynamo's test backend, which needs no GPU (core.md §4.2)."""
    backend = deployment.metadata.annotations.get(names.ANNOTATION_TEST_BACKEND)
    return backend == "mocker" and deployment.provider_name == MOCKER_PROVIDER


def image_conflict(deployment: ModelDeployment) -> str:
    """R1: `spec.image` and `spec.engine.image` say different things; empty when they do not."""
    engine_image = (deployment.spec.engine.image or "") if deployment.spec.engine else ""
    image = deployment.spec.image or ""
    if not image or not engine_image or image == engine_image:
        return ""
    return (
        f'spec.image "{image}" conflicts with spec.engine.image "{engine_image}"; '
        "spec.engine.image is preferred, remove spec.image"
    )


def mocker_finding(deployment: ModelDeployment, *, engine: str) -> str:
    """R4: the test backend runs one engine only."""
    if not is_mocker(deployment) or engine == MOCKER_ENGINE:
        return ""
    return f"the dynamo mocker test backend only supports the {MOCKER_ENGINE} engine, not {engine}"


def model_finding(deployment: ModelDeployment) -> str:
    """R2: a model from Hugging Face needs its identifier."""
    model = deployment.spec.model
    from_hub = model.source in (None, ModelSource.HUGGINGFACE)
    return MODEL_ID_REQUIRED if from_hub and not model.id else ""


def workers_finding(deployment: ModelDeployment) -> str:
    """R6 and R7: disaggregated mode has its GPUs in prefill and decode workers, and only there."""
    if deployment.serving_mode != ServingMode.DISAGGREGATED.value:
        return ""
    if deployment.gpu_count > 0:
        return GPU_IN_BOTH_PLACES
    scaling = deployment.spec.scaling
    if scaling is None or scaling.prefill is None or scaling.decode is None:
        return "disaggregated mode requires scaling.prefill and scaling.decode"
    if is_mocker(deployment):
        return ""
    for name, group in (("prefill", scaling.prefill), ("decode", scaling.decode)):
        if worker_gpus(group) == 0:
            return f"disaggregated mode requires scaling.{name}.gpu.count > 0"
    return ""


def worker_gpus(group: WorkerGroup) -> int:
    """GPUs of one worker; absent is 0."""
    return (group.gpu.count or 0) if group.gpu else 0


def first_finding(
    deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig], *, engine: str
) -> str:
    """The first violation of R1-R7 with the resolved engine; empty when the deployment is valid."""
    finding = image_conflict(deployment) or model_finding(deployment)
    if not finding and not engine:
        finding = "engine.type must be specified"
    return (
        finding
        or mocker_finding(deployment, engine=engine)
        or _compatibility_finding(deployment, configs, engine=engine)
        or workers_finding(deployment)
    )


def _compatibility_finding(
    deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig], *, engine: str
) -> str:
    """R5, against the named provider, else the recorded one, else all of them.

    A deployment that was handed over and validated at this generation does not fail because configs
    changed since (core.md, weak spot 9).
    """
    if is_mocker(deployment):
        return ""
    found = capability_findings(deployment, configs, engine=engine)
    if not found or served_at_this_generation(deployment):
        return ""
    return found[0].message


def capability_findings(
    deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig], *, engine: str
) -> list[compatibility.Incompatibility]:
    """What the configs of now say against the deployment, served already or not."""
    name = deployment.provider_name or deployment.recorded_provider
    if not name:
        return compatibility.with_any_provider(deployment, configs, engine=engine)
    config = eligibility.find(configs, name)
    return compatibility.with_provider(deployment, config, engine=engine) if config else []


def served_at_this_generation(deployment: ModelDeployment) -> bool:
    """Whether it was handed over and found valid as it is, so that only something outside it changed."""
    status = deployment.status
    if status is None or not deployment.recorded_provider:
        return False
    return any(
        condition.type == "Validated"
        and condition.status is ConditionStatus.TRUE
        and condition.observed_generation == deployment.metadata.generation
        for condition in status.conditions or ()
    )
