"""V9: upper limits of what one deployment may ask for. Source: crds.md §4.3."""

from __future__ import annotations

from airunway.api import quantities
from airunway.api.findings import FieldError, FieldErrorType, field_error
from airunway.api.model_deployment import DeploymentSpec, Gpu

MAX_GPUS = 64
MAX_REPLICAS = 32
MAX_CPU = "512"
MAX_MEMORY = "4Ti"


def check_limits(spec: DeploymentSpec) -> list[FieldError]:
    """Findings in every mode, also in the blocks that the mode does not use."""
    found: list[FieldError] = []
    resources, scaling = spec.resources, spec.scaling
    if resources:
        found += _gpus(resources.gpu, "spec.resources")
        found += _quantity(resources.cpu, "spec.resources.cpu", MAX_CPU)
        found += _quantity(resources.memory, "spec.resources.memory", MAX_MEMORY)
    if scaling:
        found += _number(scaling.replicas, "spec.scaling.replicas", MAX_REPLICAS)
        for name, group in (("prefill", scaling.prefill), ("decode", scaling.decode)):
            if group:
                field = f"spec.scaling.{name}"
                found += _number(group.replicas, f"{field}.replicas", MAX_REPLICAS)
                found += _gpus(group.gpu, field)
                found += _quantity(group.memory, f"{field}.memory", MAX_MEMORY)
    return found


def _gpus(gpu: Gpu | None, field: str) -> list[FieldError]:
    return _number(gpu.count if gpu else None, f"{field}.gpu.count", MAX_GPUS)


def _number(value: int | None, field: str, limit: int) -> list[FieldError]:
    if value is None or value <= limit:
        return []
    return [field_error(FieldErrorType.INVALID, field, f"exceeds maximum allowed ({limit})", value)]


def _quantity(value: str | None, field: str, limit: str) -> list[FieldError]:
    if not value:
        return []
    try:
        if not quantities.exceeds(value, limit):
            return []
    except quantities.InvalidQuantity as err:
        return [field_error(FieldErrorType.INVALID, field, f"invalid resource quantity: {err}", value)]
    return [field_error(FieldErrorType.INVALID, field, f"exceeds maximum allowed ({limit})", value)]
