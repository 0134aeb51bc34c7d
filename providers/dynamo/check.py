"""Whether Dynamo can take a deployment. Source: dynamo.md §6, §15, weak spots 19, 20 and 23."""

from __future__ import annotations

from airunway.api.model_deployment import EngineType, ModelDeployment, WorkerGroup
from airunway.provider import rendering
from airunway.providers.dynamo.config import NAME
from airunway.providers.dynamo.plan import DOWNLOAD_SUFFIX, download_volume, is_disaggregated, is_mocker
from airunway.providers.dynamo.release import ENGINE_IMAGES

SERVICE_SUFFIXES = ("-frontend", "-pool", "-epp")
"""What the operator's Services and pool have after the deployment's name."""


def check(deployment: ModelDeployment) -> str | None:
    """Why Dynamo cannot take the deployment, or None."""
    return _engine_problem(deployment) or _workers_problem(deployment) or _name_problem(deployment)


def _engine_problem(deployment: ModelDeployment) -> str | None:
    engine = deployment.engine_type
    if engine not in ENGINE_IMAGES:
        named = f"the {engine} engine" if engine else "a deployment without an engine"
        return f"spec.engine.type: {NAME} does not support {named}; use {', '.join(ENGINE_IMAGES)}"
    if is_mocker(deployment) and engine != EngineType.VLLM:
        return f"spec.engine.type: {NAME}'s mocker only supports the vllm engine, not {engine}"
    if engine == EngineType.TRTLLM and is_disaggregated(deployment):
        return f"spec.serving.mode: {NAME} does not support disaggregated serving with trtllm"
    return None


def _workers_problem(deployment: ModelDeployment) -> str | None:
    mocker = is_mocker(deployment)
    if not is_disaggregated(deployment):
        needed = not mocker and deployment.gpu_count <= 0
        return f"spec.resources.gpu.count: {NAME} needs at least one GPU" if needed else None
    scaling = deployment.spec.scaling
    groups = (scaling.prefill, scaling.decode) if scaling else (None, None)
    for role, group in zip(("prefill", "decode"), groups, strict=True):
        if group is None:
            return f"spec.scaling.{role}: required for disaggregated serving"
        if not mocker and group_gpus(group) <= 0:
            return f"spec.scaling.{role}.gpu.count: {NAME} needs at least one GPU"
    return None


def group_gpus(group: WorkerGroup) -> int:
    """GPUs of one worker; absent is 0."""
    return (group.gpu.count or 0) if group.gpu else 0


def _name_problem(deployment: ModelDeployment) -> str | None:
    problem = rendering.service_name_problem(deployment, suffixes=SERVICE_SUFFIXES)
    if problem or download_volume(deployment) is None:
        return problem
    limit = rendering.MAX_DNS_LABEL_LENGTH - len(DOWNLOAD_SUFFIX)
    if len(deployment.name) <= limit:
        return None
    return (
        f"metadata.name: {deployment.name!r} is too long for the download Job's name; "
        f"at most {limit} characters"
    )
