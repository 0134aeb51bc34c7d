"""Render a ModelDeployment as a Server. Pure: no clock, no network."""

from __future__ import annotations

from acme_airunway.config import SERVER
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, RenderContext, RenderError, object_names, rendering

MAX_REPLICAS = 8


def check(deployment: ModelDeployment) -> str | None:
    """Why Acme cannot take a deployment, or None."""
    return object_names.name_problem(deployment, [object_names.service()])


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The Server. Raises RenderError for more replicas than Acme runs."""
    replicas = rendering.replica_count(deployment)
    if replicas is not None and replicas > MAX_REPLICAS:
        raise RenderError(f"spec.scaling.replicas: Acme runs at most {MAX_REPLICAS}, not {replicas}")
    return [
        {
            "apiVersion": SERVER.api_version,
            "kind": SERVER.kind,
            "metadata": rendering.object_metadata(deployment, labels=rendering.object_labels(deployment)),
            "spec": {
                "model": rendering.model_id(deployment),
                "gpus": deployment.gpu_count,
                "replicas": 1 if replicas is None else replicas,
            },
        }
    ]
