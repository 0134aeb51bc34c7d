"""Whether Dynamo can take a deployment. Source: dynamo.md §6, §15, weak spots 19, 20 and 23."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airunway.api.model_deployment import EngineType, ModelDeployment, WorkerGroup
from airunway.provider import devices, object_names, pod_options, rendering
from airunway.providers.dynamo.config import NAME
from airunway.providers.dynamo.options import overridden_services
from airunway.providers.dynamo.plan import (
    DOWNLOAD_SUFFIX,
    WORKERS,
    download_volume,
    is_disaggregated,
    is_mocker,
)
from airunway.providers.dynamo.release import ENGINE_IMAGES

SERVICE_SUFFIXES = ("-frontend", "-pool", "-epp")
"""What the operator's Services and pool have after the deployment's name."""
MAX_GROVE_LENGTH = 45
"""Of the names of graph, group and service together, in a pod of Grove's."""
_LEADER = "-ldr"
"""What Grove's part of a service that spans nodes has after its name."""


def check(deployment: ModelDeployment) -> str | None:
    """Why Dynamo cannot take the deployment, or None."""
    return (
        _engine_problem(deployment)
        or _workers_problem(deployment)
        or _device_problem(deployment)
        or pod_options.option_problem(deployment)
        or object_names.name_problem(deployment, _derived_names(deployment))
    )


def _device_problem(deployment: ModelDeployment) -> str | None:
    if is_mocker(deployment):
        return None
    return devices.device_problem(deployment, image=rendering.serving_image_override(deployment))


def _engine_problem(deployment: ModelDeployment) -> str | None:
    engine = deployment.engine_type
    if engine not in ENGINE_IMAGES:
        named = f"the {engine} engine" if engine else "a deployment without an engine"
        return f"spec.engine.type: {NAME} does not support {named}; use {', '.join(ENGINE_IMAGES)}"
    if is_mocker(deployment) and engine != EngineType.VLLM:
        return f"spec.engine.type: {NAME}'s mocker only supports the vllm engine, not {engine}"
    if engine == EngineType.TRTLLM and is_disaggregated(deployment):
        return (
            f"spec.serving.mode: {NAME} does not support disaggregated serving with trtllm; "
            "use aggregated, or the vllm or sglang engine"
        )
    return None


def _workers_problem(deployment: ModelDeployment) -> str | None:
    mocker = is_mocker(deployment)
    if not is_disaggregated(deployment):
        needed = not mocker and deployment.gpu_count <= 0
        return rendering.missing_gpus("spec.resources.gpu.count", needed_by=NAME) if needed else None
    scaling = deployment.spec.scaling
    groups = (scaling.prefill, scaling.decode) if scaling else (None, None)
    for role, group in zip(("prefill", "decode"), groups, strict=True):
        if group is None:
            return f"spec.scaling.{role}: required for disaggregated serving"
        if not mocker and group_gpus(group) <= 0:
            return rendering.missing_gpus(f"spec.scaling.{role}.gpu.count", needed_by=NAME)
    return None


def group_gpus(group: WorkerGroup) -> int:
    """GPUs of one worker; absent is 0."""
    return (group.gpu.count or 0) if group.gpu else 0


def _derived_names(deployment: ModelDeployment) -> Iterator[object_names.DerivedName]:
    """What the operator, Grove and Kubernetes derive from the deployment's name."""
    yield from map(object_names.service, SERVICE_SUFFIXES)
    if download_volume(deployment) is not None:
        yield object_names.job(DOWNLOAD_SUFFIX)
    beside = len(deployment.namespace) + 1
    yield object_names.DerivedName(
        what=f'the label "{deployment.namespace}-<name>" of its pods',
        room=object_names.MAX_LABEL_LENGTH - beside,
    )
    for key, spans_nodes in _workers(deployment):
        part = key.lower()
        parts = [part, f"{part}{_LEADER}"] if spans_nodes else [part]
        yield object_names.DerivedName(
            what=f"the pods of its service {key}, in whose names Grove allows {MAX_GROVE_LENGTH} characters "
            f'for "<name>" and {" and ".join(map(repr, parts))} together',
            room=MAX_GROVE_LENGTH - len("".join(parts)),
        )


def _workers(deployment: ModelDeployment) -> Iterator[tuple[str, bool]]:
    """Services by their keys, those that overrides add too, and whether one spans several nodes."""
    keys = WORKERS[is_disaggregated(deployment)]
    given = overridden_services(deployment)
    for key in dict.fromkeys([*keys, *given]):
        multinode = given.get(key, {}).get("multinode")
        nodes = multinode.get("nodeCount") if isinstance(multinode, Mapping) else None
        yield key, isinstance(nodes, int | float) and nodes > 1
