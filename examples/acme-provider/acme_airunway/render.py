"""Render a ModelDeployment as a Server. Pure: no clock, no network."""

from __future__ import annotations

from acme_airunway.config import SERVER
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, RenderContext, RenderError
from airunway.provider.common import (
    model_id,
    object_labels,
    object_metadata,
    replica_count,
    service_name_problem,
)

MAX_REPLICAS = 8


def check(deployment: ModelDeployment) -> str | None:
    """Why Acme cannot take a deployment, or None."""
    return service_name_problem(deployment)


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The Server. Raises RenderError for more replicas than Acme runs."""
    replicas = replica_count(deployment)
    if replicas is not None and replicas > MAX_REPLICAS:
        raise RenderError(f"spec.scaling.replicas: Acme runs at most {MAX_REPLICAS}, not {replicas}")
    return [
        {
            "apiVersion": SERVER.api_version,
            "kind": SERVER.kind,
            "metadata": object_metadata(deployment, labels=object_labels(deployment)),
            "spec": {
                "model": model_id(deployment),
                "gpus": deployment.gpu_count,
                "replicas": 1 if replicas is None else replicas,
            },
        }
    ]
