"""Render a ModelDeployment as Deployments and Services that run vLLM. Pure. Source: llmd.md §8 to §10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD
from airunway.provider import Manifest, RenderContext, RenderError, overrides, rendering, server_pod, storage
from airunway.providers.llmd.args import server_args
from airunway.providers.llmd.checks import RESERVED_POD_LABELS, check
from airunway.providers.llmd.components import Component, components
from airunway.providers.llmd.config import NAME
from airunway.providers.llmd.overridable import OVERRIDABLE_OF_PODS

DEFAULT_IMAGE = "vllm/vllm-openai:v0.9.1"
IMAGE_VARIABLE = "AIRUNWAY_LLMD_IMAGE"
"""In the worker's environment: the image of deployments that name none."""
DEADLINE_VARIABLE = "AIRUNWAY_LLMD_PROGRESS_DEADLINE_SECONDS"


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """Every Deployment, then every Service, then the claims of managed volumes; the primary first."""
    problem = check(deployment)
    if problem:
        raise RenderError(problem)
    given = overrides.overrides_of(deployment)
    _refuse_unworkable(given)
    groups = components(deployment)
    return [
        *(_isolated(_deployment(deployment, group, context), given, context) for group in groups),
        *(server_pod.server_service(deployment, group) for group in groups),
        *storage.managed_claims(deployment),
    ]


def _isolated(workload: Manifest, given: Mapping[str, Any], context: RenderContext) -> Manifest:
    merged = overrides.merge(workload, given, null_deletes=False)
    merged = server_pod.with_settled_strategy(merged, given)
    return server_pod.with_isolated_pods(merged, context, provider=NAME)


def _deployment(deployment: ModelDeployment, component: Component, context: RenderContext) -> Manifest:
    return server_pod.server_deployment(
        deployment,
        component,
        image=serving_image_of(deployment, context),
        args=server_args(deployment, component),
        deadline_seconds=server_pod.progress_deadline(context, DEADLINE_VARIABLE),
    )


def serving_image_of(deployment: ModelDeployment, context: RenderContext) -> str:
    """The user's image, else the one the worker is set to, else the contract's."""
    configured = context.env.get(IMAGE_VARIABLE, "").strip()
    return rendering.serving_image_override(deployment) or configured or DEFAULT_IMAGE


def _refuse_unworkable(given: Mapping[str, Any]) -> None:
    """Raise RenderError for overrides that cannot work (llmd.md §10)."""
    overrides.refuse_identity(given)
    spec = _object_at(given, "spec", at=FIELD)
    at = f"{FIELD}.spec"
    if "selector" in spec:
        raise RenderError(f"{at}.selector: the selector of a Deployment is immutable")
    _object_at(spec, "strategy", at=at)
    template = _object_at(spec, "template", at=at)
    at = f"{at}.template"
    for key in _object_at(template, "spec", at=at):
        if key not in OVERRIDABLE_OF_PODS:
            raise RenderError(
                f"{at}.spec.{key}: cannot be overridden; only {', '.join(OVERRIDABLE_OF_PODS)} and the "
                "template's metadata can"
            )
    metadata = _object_at(template, "metadata", at=at)
    at = f"{at}.metadata"
    for kind in ("labels", "annotations"):
        for key, value in _object_at(metadata, kind, at=at).items():
            if not isinstance(value, str):
                raise RenderError(f"{at}.{kind}.{key}: must be a text")
            if kind == "labels" and key in RESERVED_POD_LABELS:
                raise RenderError(f"{at}.{kind}.{key}: is set by the provider, Services select by it")


def _object_at(parent: Mapping[str, Any], key: str, *, at: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise RenderError(f"{at}.{key}: must stay an object")
    return value
