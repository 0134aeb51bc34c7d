"""Render a ModelDeployment as a Deployment and a Service that run vLLM. Pure. Source: vllm.md §6, §8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment, ServingMode
from airunway.api.overrides import FIELD
from airunway.provider import (
    Manifest,
    RenderContext,
    RenderError,
    devices,
    object_names,
    overrides,
    pod_options,
    rendering,
    server_pod,
    storage,
)
from airunway.providers.vllm.args import server_args
from airunway.providers.vllm.config import NAME
from airunway.providers.vllm.serving_image import DEFAULT_IMAGE

DEADLINE_VARIABLE = "AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS"


def check(deployment: ModelDeployment) -> str | None:
    """Why Direct vLLM cannot take the deployment, or None (vllm.md §6)."""
    engine = rendering.other_engine_problem(deployment, provider=NAME)
    if engine:
        return engine
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        return f"spec.serving.mode: {NAME} does not support disaggregated serving; use aggregated"
    if deployment.gpu_count == 0:
        return rendering.missing_gpus("spec.resources.gpu.count", needed_by=NAME)
    return (
        devices.device_problem(deployment, image=rendering.serving_image_override(deployment))
        or pod_options.option_problem(deployment)
        or object_names.name_problem(deployment, [object_names.service()])
    )


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The Deployment, its Service, and the claims of managed volumes."""
    problem = check(deployment)
    if problem:
        raise RenderError(problem)
    server = server_pod.whole_server(deployment)
    workload = server_pod.server_deployment(
        deployment,
        server,
        image=serving_image_of(deployment, context),
        args=server_args(deployment),
        deadline_seconds=server_pod.progress_deadline(context, DEADLINE_VARIABLE),
    )
    merged = _with_overrides(deployment, workload)
    return [
        server_pod.with_isolated_pods(merged, context, provider=NAME),
        server_pod.server_service(deployment, server),
        *storage.managed_claims(deployment),
    ]


def _fixed_labels(deployment: ModelDeployment) -> dict[str, str]:
    return server_pod.fixed_labels(deployment, server_pod.whole_server(deployment))


def _with_overrides(deployment: ModelDeployment, rendered: Manifest) -> Manifest:
    given = overrides.overrides_of(deployment)
    _refuse_unworkable(given)
    merged = overrides.merge(
        rendered, given, null_deletes=False, merge_list=overrides.merge_by_name({"containers"})
    )
    merged = server_pod.with_settled_strategy(merged, given)
    template = merged["spec"]["template"]
    metadata = template["metadata"]
    labels = {**metadata["labels"], **_fixed_labels(deployment)}  # else the selector would miss them
    template = {**template, "metadata": {**metadata, "labels": labels}}
    return {**merged, "spec": {**merged["spec"], "template": template}}


def _refuse_unworkable(given: Mapping[str, Any]) -> None:
    """Raise RenderError for overrides that cannot work (vllm.md §8.6)."""
    overrides.refuse_identity(given)
    spec = _object_at(given, "spec")
    if "selector" in spec:
        raise RenderError(f"{FIELD}.spec.selector: the selector of a Deployment is immutable")
    _object_at(spec, "strategy")
    template = _object_at(spec, "template")
    pod = _object_at(template, "spec")
    _object_at(_object_at(template, "metadata"), "labels")
    if not isinstance(pod.get("containers", []), list):
        raise RenderError(f"{FIELD}: containers must stay a list")


def _object_at(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise RenderError(f"{FIELD}: {key} must stay an object")
    return value


def serving_image_of(deployment: ModelDeployment, context: RenderContext) -> str:
    """The image as the user names it, else the default one, pinned when it was resolved (vllm.md §7.1)."""
    recorded = deployment.status.image if deployment.status else None
    pinned = (recorded.resolved or "").strip() if recorded else ""
    return rendering.serving_image_override(deployment) or context.serving_image or pinned or DEFAULT_IMAGE


def ignored_fields(deployment: ModelDeployment) -> list[str]:
    """Given fields that one server in one pod cannot honour, and what gives way to a later or our own."""
    ours = {**rendering.object_labels(deployment), **_fixed_labels(deployment)}
    return [
        *rendering.given_groups(deployment),
        *rendering.replaced_variables(deployment),
        *rendering.replaced_labels(deployment, ours),
    ]
