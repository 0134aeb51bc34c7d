"""What llm-d can take, and which given fields it cannot honour. Pure. Source: llmd.md §7 and §9.5."""

from __future__ import annotations

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import devices, object_names, pod_options, rendering
from airunway.providers.llmd.components import components, is_disaggregated, service_suffixes
from airunway.providers.llmd.config import NAME

RESERVED_POD_LABELS = frozenset({names.LABEL_DEPLOYMENT, names.LABEL_MODEL_DEPLOYMENT, "app"})
"""Labels by which Deployment, Service and InferencePool find their pods."""


def check(deployment: ModelDeployment) -> str | None:
    """Why llm-d cannot take the deployment, or None. The first rule that fails counts (llmd.md §7)."""
    return (
        rendering.other_engine_problem(deployment, provider=NAME)
        or _missing_group(deployment)
        or _missing_gpus(deployment)
        or devices.device_problem(deployment, image=rendering.serving_image_override(deployment))
        or pod_options.option_problem(deployment)
        or object_names.name_problem(deployment, map(object_names.service, service_suffixes(deployment)))
    )


def _missing_group(deployment: ModelDeployment) -> str | None:
    if not is_disaggregated(deployment):
        return None
    scaling = deployment.spec.scaling
    for role, group in (
        ("prefill", scaling.prefill if scaling else None),
        ("decode", scaling.decode if scaling else None),
    ):
        if group is None:
            return f"spec.scaling.{role}: needed when spec.serving.mode is disaggregated"
    return None


def _missing_gpus(deployment: ModelDeployment) -> str | None:
    for component in reversed(components(deployment)):
        if component.gpus <= 0:
            return rendering.missing_gpus(f"{component.field}.gpu.count", needed_by=NAME)
    return None


def ignored_fields(deployment: ModelDeployment) -> list[str]:
    """Paths of given fields that do not reach the pods in the chosen mode (llmd.md §9.5)."""
    split = is_disaggregated(deployment)
    ours = {
        **rendering.object_labels(deployment),
        names.LABEL_MODEL_DEPLOYMENT: deployment.name,
        "app": components(deployment)[0].name,
    }
    return [
        *(_ignored_when_split(deployment) if split else rendering.given_groups(deployment)),
        *rendering.replaced_variables(deployment),
        *rendering.replaced_labels(deployment, ours),
    ]


def _ignored_when_split(deployment: ModelDeployment) -> list[str]:
    resources = deployment.spec.resources
    ignored = {
        # The API server fills 1 in, so 1 need not be asked for by the user.
        "spec.scaling.replicas": rendering.replica_count(deployment) not in (None, 1),
        "spec.resources.gpu": deployment.gpu_count > 0,
        "spec.resources.memory": bool(resources and resources.memory),
        "spec.resources.cpu": bool(resources and resources.cpu),
    }
    return [path for path, is_ignored in ignored.items() if is_ignored]
