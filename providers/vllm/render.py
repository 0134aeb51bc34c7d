"""Render a ModelDeployment as a Deployment and a Service that run vLLM. Pure. Source: vllm.md §6, §8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import EngineType, ModelDeployment, ServingMode
from airunway.provider import common, overrides, storage
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.providers.vllm.args import PORT, server_args
from airunway.providers.vllm.config import DEPLOYMENT, NAME, SERVICE
from airunway.providers.vllm.image import DEFAULT_IMAGE

CONTAINER = "vllm"
DEADLINE_VARIABLE = "AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS"
DEADLINE_SECONDS = 3600
"""How long a roll-out may make no progress: large weights are downloaded inside the starting pod."""

_SHM = "shm"
_INITIAL_DELAY_SECONDS = 15
_STARTUP_PERIOD_SECONDS = 10
_HEALTH = {"path": "/health", "port": PORT}


def check(deployment: ModelDeployment) -> str | None:
    """Why Direct vLLM cannot take the deployment, or None (vllm.md §6)."""
    if deployment.engine_type != EngineType.VLLM:
        return (
            f"spec.engine.type: {NAME} runs the vllm engine only, not {deployment.engine_type or 'no engine'}"
        )
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        return f"spec.serving.mode: {NAME} does not support disaggregated serving; use aggregated"
    if deployment.gpu_count == 0:
        return f"spec.resources.gpu.count: {NAME} needs at least one GPU"
    return _gpu_problem(deployment) or common.service_name_problem(deployment)


def _gpu_problem(deployment: ModelDeployment) -> str | None:
    kind = common.gpu_type(deployment)
    if common.is_nvidia(kind) or common.image_override(deployment):
        return None
    return (
        f"spec.resources.gpu.type: the default image runs on NVIDIA GPUs, not on {kind}; "
        "name a fitting image in spec.engine.image"
    )


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The Deployment, its Service, and the claims of managed volumes."""
    problem = check(deployment)
    if problem:
        raise RenderError(problem)
    return [
        _deployment(deployment, context),
        _service(deployment),
        *storage.managed_claims(deployment),
    ]


def selector(deployment: ModelDeployment) -> dict[str, str]:
    """Labels by which Deployment and Service find the pods; immutable, so fixed by the name."""
    return {names.LABEL_DEPLOYMENT: deployment.name, "app": deployment.name}


def _fixed_pod_labels(deployment: ModelDeployment) -> dict[str, str]:
    # The InferencePool selects by the last one (vllm.md §14).
    return {**selector(deployment), names.LABEL_MODEL_DEPLOYMENT: deployment.name}


def _deployment(deployment: ModelDeployment, context: RenderContext) -> Manifest:
    deadline = common.seconds_from(context.env, DEADLINE_VARIABLE, default=DEADLINE_SECONDS, minimum=60)
    replicas = common.replica_count(deployment)
    rendered: Manifest = {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": common.object_metadata(
            deployment,
            labels={**common.pod_labels(deployment), **common.object_labels(deployment)},
            annotations=common.pod_annotations(deployment),
        ),
        "spec": {
            "replicas": 1 if replicas is None else replicas,
            "progressDeadlineSeconds": deadline,
            "selector": {"matchLabels": selector(deployment)},
            "template": {
                "metadata": {
                    "labels": {**common.pod_labels(deployment), **_fixed_pod_labels(deployment)},
                    "annotations": common.pod_annotations(deployment),
                },
                "spec": _pod_spec(deployment, context, startup_seconds=deadline),
            },
        },
    }
    return _with_overrides(deployment, rendered)


def _with_overrides(deployment: ModelDeployment, rendered: Manifest) -> Manifest:
    given = overrides.overrides_of(deployment)
    _refuse_unsafe(given)
    merged = overrides.merge(
        rendered, given, null_deletes=False, merge_list=overrides.merge_by_name({"containers"})
    )
    template = merged["spec"]["template"]
    metadata = template["metadata"]
    labels = {**metadata["labels"], **_fixed_pod_labels(deployment)}  # else the selector would miss them
    template = {**template, "metadata": {**metadata, "labels": labels}}
    return {**merged, "spec": {**merged["spec"], "template": template}}


def _refuse_unsafe(given: Mapping[str, Any]) -> None:
    """Raise RenderError for overrides that admission forbids or that cannot work (vllm.md §8.6)."""
    overrides.refuse_identity(given)
    overrides.refuse_keys(given)
    overrides.refuse_host_paths(given)
    spec = _object_at(given, "spec")
    if "selector" in spec:
        raise RenderError(f"{overrides.FIELD}.spec.selector: the selector of a Deployment is immutable")
    template = _object_at(spec, "template")
    pod = _object_at(template, "spec")
    _object_at(_object_at(template, "metadata"), "labels")
    if not isinstance(pod.get("containers", []), list):
        raise RenderError(f"{overrides.FIELD}: containers must stay a list")


def _object_at(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise RenderError(f"{overrides.FIELD}: {key} must stay an object")
    return value


def _pod_spec(deployment: ModelDeployment, context: RenderContext, *, startup_seconds: int) -> dict[str, Any]:
    shared = _shared_memory_name(deployment) if deployment.gpu_count > 1 else ""
    memory = {"name": shared, "emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}}
    mount = {"name": shared, "mountPath": "/dev/shm"}
    container = {
        "name": CONTAINER,
        "image": image_of(deployment, context),
        "args": server_args(deployment),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        **_probes(startup_seconds),
        **common.without_empty(
            resources=_resources(deployment),
            env=_environment(deployment),
            volumeMounts=[*([mount] if shared else []), *storage.volume_mounts(deployment)],
        ),
    }
    return {
        "containers": [container],
        **common.without_empty(
            nodeSelector=common.node_selector(deployment),
            tolerations=common.tolerations(deployment),
            volumes=[*([memory] if shared else []), *storage.pod_volumes(deployment)],
        ),
    }


def _shared_memory_name(deployment: ModelDeployment) -> str:
    taken = {volume.name for volume in storage.storage_volumes(deployment)}
    name = _SHM
    while name in taken:
        name = f"dev-{name}"
    return name


def image_of(deployment: ModelDeployment, context: RenderContext) -> str:
    """The image as the user names it, else the default one, pinned when it was resolved (vllm.md §7.1)."""
    recorded = deployment.status.image if deployment.status else None
    pinned = (recorded.resolved or "").strip() if recorded else ""
    return common.image_override(deployment) or context.image or pinned or DEFAULT_IMAGE


def _resources(deployment: ModelDeployment) -> dict[str, Any]:
    given = deployment.spec.resources
    memory, cpu = (given.memory, given.cpu) if given else (None, None)
    limits = common.without_empty(**{common.gpu_type(deployment): str(deployment.gpu_count)}, memory=memory)
    return {"limits": limits, "requests": {**limits, **common.without_empty(cpu=cpu)}}


def _environment(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """Cache variables, the user's variables, and the token last: it replaces a user's own HF_TOKEN."""
    token = common.token_entry(deployment)
    given = [*common.user_environment(deployment), *([token] if token else [])]
    return [*storage.cache_environment(deployment), *common.once_each(given)]


def _probes(startup_seconds: int) -> dict[str, Any]:
    """Probes of the server; it may take `startup_seconds` to come up, a little less than the roll-out."""
    attempts = max(1, (startup_seconds - _INITIAL_DELAY_SECONDS) // _STARTUP_PERIOD_SECONDS)

    def probe(*, period_seconds: int, failures: int) -> dict[str, Any]:
        return {
            "httpGet": dict(_HEALTH),
            "initialDelaySeconds": _INITIAL_DELAY_SECONDS,
            "periodSeconds": period_seconds,
            "failureThreshold": failures,
        }

    return {
        "startupProbe": probe(period_seconds=_STARTUP_PERIOD_SECONDS, failures=attempts),
        "livenessProbe": probe(period_seconds=10, failures=3),
        "readinessProbe": probe(period_seconds=5, failures=3),
    }


def _service(deployment: ModelDeployment) -> Manifest:
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": common.object_metadata(deployment, labels=common.object_labels(deployment)),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(deployment),
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why the object must be made anew: only a Deployment with another selector, which is immutable."""
    if live.get("kind") != DEPLOYMENT.kind:
        return None
    current, wanted = (obj.get("spec", {}).get("selector") for obj in (live, desired))
    return None if current == wanted else "spec.selector of a Deployment is immutable"


def ignored_fields(deployment: ModelDeployment) -> list[str]:
    """Given fields that one server in one pod cannot honour, and what gives way to a later or our own."""
    scaling = deployment.spec.scaling
    ignored = {
        "spec.scaling.prefill": bool(scaling and scaling.prefill),
        "spec.scaling.decode": bool(scaling and scaling.decode),
    }
    paths = [path for path, is_ignored in ignored.items() if is_ignored]
    ours = {**common.object_labels(deployment), **_fixed_pod_labels(deployment)}
    return [
        *paths,
        *common.replaced_variables(deployment),
        *common.replaced_labels(deployment, ours),
    ]
