"""KubeRay: one RayService per deployment; vLLM on Ray Serve."""

from __future__ import annotations

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Provider, storage
from airunway.providers.kuberay.authentication import FIELD as AUTHENTICATION
from airunway.providers.kuberay.config import NAME, OPERATOR, RAY_SERVICE, health, registration
from airunway.providers.kuberay.limits import OVERRIDABLE, RAY_SERVICE_SHAPE, ray_service_demand
from airunway.providers.kuberay.render import check, ignored_fields, render
from airunway.providers.kuberay.replacement import replacement_reason
from airunway.providers.kuberay.serve import DEFAULT_IMAGE
from airunway.providers.kuberay.status import SERVICE_PORT, read_status

__all__ = ["PROVIDER"]


def _pod_selector(deployment: ModelDeployment) -> str:
    return f"{names.LABEL_MODEL_DEPLOYMENT}={deployment.name}"


PROVIDER = Provider(
    name=NAME,
    kinds=(RAY_SERVICE, storage.CLAIM),
    registration=registration,
    check=check,
    objects=render,
    read_status=read_status,
    health=health,
    replacement_reason=replacement_reason,
    ignored_fields=ignored_fields,
    overridable=OVERRIDABLE,
    shapes={RAY_SERVICE.kind: RAY_SERVICE_SHAPE},
    demand=ray_service_demand,
    default_serving_image=DEFAULT_IMAGE,
    pod_selector=_pod_selector,
    serving_ports=(SERVICE_PORT,),
    operator_peers=(OPERATOR,),
    optional_fields=(AUTHENTICATION,),
    crd_version=RAY_SERVICE.api_version,
)
