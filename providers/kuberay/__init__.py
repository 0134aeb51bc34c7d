"""KubeRay: one RayService per deployment; vLLM on Ray Serve."""

from __future__ import annotations

from airunway.api import names
from airunway.provider import Provider, storage
from airunway.providers.kuberay.args import argument_rules
from airunway.providers.kuberay.authentication import FIELD as AUTHENTICATION
from airunway.providers.kuberay.authentication import VARIABLE as TOKEN_VARIABLE
from airunway.providers.kuberay.authentication import features_of
from airunway.providers.kuberay.clusters import RAY_CLUSTERS, WORKER_COUNTS
from airunway.providers.kuberay.config import NAME, OPERATOR, RAY_SERVICE, health, registration
from airunway.providers.kuberay.limits import OVERRIDABLE, RAY_SERVICE_SHAPE, ray_service_demand
from airunway.providers.kuberay.render import check, ignored_fields, render
from airunway.providers.kuberay.replacement import replacement_reason
from airunway.providers.kuberay.serve import DEFAULT_IMAGE
from airunway.providers.kuberay.status import SERVICE_PORT, read_status

__all__ = ["PROVIDER"]


PROVIDER = Provider(
    name=NAME,
    kinds=(RAY_SERVICE, storage.CLAIM),
    registration=registration,
    variables=(TOKEN_VARIABLE, OPERATOR.namespace_variable),
    check=check,
    objects=render,
    read_status=read_status,
    health=health,
    replacement_reason=replacement_reason,
    ignored_fields=ignored_fields,
    argument_rules=argument_rules,
    overridable=OVERRIDABLE,
    shapes={RAY_SERVICE.kind: RAY_SERVICE_SHAPE},
    demand=ray_service_demand,
    default_serving_image=DEFAULT_IMAGE,
    replica_fields=tuple(f"spec.rayClusterConfig.workerGroupSpecs.*.{field}" for field in WORKER_COUNTS),
    operator_objects=RAY_CLUSTERS,
    pod_label=names.LABEL_MODEL_DEPLOYMENT,
    replica_labels={"ray.io/node-type": "worker"},
    role_label="ray.io/group",
    serving_ports=(SERVICE_PORT,),
    operator_peers=(OPERATOR,),
    optional_fields=(AUTHENTICATION,),
    features_of=features_of,
    crd_version=RAY_SERVICE.api_version,
)
