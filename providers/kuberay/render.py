"""Render a ModelDeployment as one RayService. Pure: no clock, no network. Source: kuberay.md §6, §7."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import Gpu, ModelDeployment, ServingMode, WorkerGroup
from airunway.provider import (
    Manifest,
    RenderContext,
    RenderError,
    devices,
    object_names,
    overrides,
    pod_options,
    pod_security,
    rendering,
    storage,
)
from airunway.providers.kuberay.args import refuse_bad_flags
from airunway.providers.kuberay.authentication import with_token
from airunway.providers.kuberay.config import NAME, RAY_SERVICE
from airunway.providers.kuberay.overlay import with_overrides
from airunway.providers.kuberay.pods import fixed_labels, head_template, pods_security, worker_template
from airunway.providers.kuberay.replacement import with_digest, with_scheduling_digest
from airunway.providers.kuberay.serve import is_stock, serve_config, serve_replicas, serving_image_of

MAX_NAME_LENGTH = 40
"""KubeRay renames the Service of a longer name, so that nothing finds it (kuberay.md, weak spot 13)."""

_SERVE_SERVICE = object_names.DerivedName(
    what='its Service "<name>-serve-svc", which KubeRay cuts to 50 characters', room=MAX_NAME_LENGTH
)


def check(deployment: ModelDeployment) -> str | None:
    """Why KubeRay cannot take the deployment, or None (kuberay.md §6)."""
    return (
        rendering.other_engine_problem(deployment, provider=NAME)
        or _gpu_problem(deployment)
        or _model_problem(deployment)
        or devices.device_problem(deployment, image=rendering.serving_image_override(deployment))
        or pod_options.option_problem(deployment)
        or object_names.name_problem(deployment, [_SERVE_SERVICE])
    )


def _gpu_problem(deployment: ModelDeployment) -> str | None:
    if deployment.serving_mode != ServingMode.DISAGGREGATED:
        if deployment.gpu_count > 0:
            return None
        return rendering.missing_gpus("spec.resources.gpu.count", needed_by=NAME)
    scaling = deployment.spec.scaling
    for role in ("prefill", "decode"):
        group: WorkerGroup | None = getattr(scaling, role) if scaling else None
        if not group or not group.gpu or (group.gpu.count or 0) <= 0:
            return rendering.missing_gpus(f"spec.scaling.{role}.gpu.count", needed_by="disaggregated serving")
    return None


def _model_problem(deployment: ModelDeployment) -> str | None:
    if rendering.model_id(deployment) or not is_stock(serving_image_of(deployment)):
        return None
    return (
        "spec.model.id: the default image holds no model; name a model here, "
        "or an image with its own server in spec.engine.image"
    )


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The RayService, and the claims of managed volumes."""
    problem = check(deployment)
    if problem:
        raise RenderError(problem)
    refuse_bad_flags(deployment)
    service: Manifest = {
        "apiVersion": RAY_SERVICE.api_version,
        "kind": RAY_SERVICE.kind,
        "metadata": rendering.object_metadata(
            deployment,
            labels={**deployment.pod_labels, **rendering.object_labels(deployment)},
            annotations=deployment.pod_annotations,
        ),
        "spec": {
            "serveConfigV2": serve_config(deployment),
            "rayClusterConfig": {
                "headGroupSpec": {
                    "rayStartParams": {"dashboard-host": "0.0.0.0"},
                    "template": head_template(deployment),
                },
                "workerGroupSpecs": _worker_groups(deployment),
            },
        },
    }
    merged = with_overrides(service, overrides.overrides_of(deployment))
    _fix_pods(deployment, merged, context)
    # Before what follows from the operator's version: an upgrade of it is no reason to take models down.
    marked = with_digest(merged, deployment)
    marked["spec"]["rayClusterConfig"] = with_token(marked["spec"]["rayClusterConfig"], context)
    return [marked, *storage.managed_claims(deployment)]


def _worker_groups(deployment: ModelDeployment) -> list[dict[str, Any]]:
    spec = deployment.spec
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        groups = {"prefill": spec.scaling.prefill, "decode": spec.scaling.decode} if spec.scaling else {}
        return [
            _worker_group(
                deployment,
                name=f"{role}-workers",
                replicas=group.replicas or 0,
                gpu=group.gpu,
                memory=group.memory,
            )
            for role, group in groups.items()
            if group
        ]
    resources = spec.resources
    return [
        _worker_group(
            deployment,
            name="gpu-workers",
            replicas=serve_replicas(deployment),
            gpu=resources.gpu if resources else None,
            memory=resources.memory if resources else None,
        )
    ]


def _worker_group(
    deployment: ModelDeployment, *, name: str, replicas: int, gpu: Gpu | None, memory: str | None
) -> dict[str, Any]:
    return {
        "groupName": name,
        "replicas": replicas,
        "minReplicas": replicas,
        "maxReplicas": replicas,
        "rayStartParams": {},
        "template": worker_template(deployment, gpu=gpu, memory=memory),
    }


def _fix_pods(deployment: ModelDeployment, service: Manifest, context: RenderContext) -> None:
    """Isolate the pods, and put back the labels that others select by; overrides may have changed them."""
    cluster = service["spec"]["rayClusterConfig"]
    security = pods_security(deployment, context)
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        template = with_scheduling_digest(group["template"])
        labels = {**template["metadata"]["labels"], **fixed_labels(deployment)}
        group["template"] = {
            **template,
            "metadata": {**template["metadata"], "labels": labels},
            "spec": pod_security.isolated(template["spec"], security),
        }


def ignored_fields(deployment: ModelDeployment) -> list[str]:
    """Given fields that a RayService cannot honour, and those that give way to ours or to a later one."""
    ignored = dict.fromkeys(rendering.given_groups(deployment), True)
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        # The stock image's application counts prefill and decode workers; 1 is the CRD's default.
        replicas = rendering.replica_count(deployment)
        ignored = {
            "spec.resources.gpu": deployment.gpu_count > 0,
            "spec.scaling.replicas": replicas not in (None, 1) and is_stock(serving_image_of(deployment)),
        }
    fixed = {**rendering.object_labels(deployment), **fixed_labels(deployment)}
    return [
        *(path for path, is_ignored in ignored.items() if is_ignored),
        *rendering.replaced_variables(deployment),
        *rendering.replaced_labels(deployment, fixed),
    ]
