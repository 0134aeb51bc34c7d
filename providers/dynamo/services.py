"""The services of a graph: endpoint picker, frontend, workers. Source: dynamo.md §8.4 to §8.10."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from airunway.api.model_deployment import EngineType, ModelDeployment, Resources, VolumePurpose, WorkerGroup
from airunway.provider import RenderError, pod_options, rendering, storage
from airunway.provider.pod_options import RolloutPolicy
from airunway.providers.dynamo.args import block_size, worker_args, worker_command
from airunway.providers.dynamo.options import ROUTER_MODES
from airunway.providers.dynamo.plan import WORKERS, Plan, cache_volume
from airunway.providers.dynamo.release import EPP_IMAGE
from airunway.providers.dynamo.runtime_version import takes_picker_config

PREFILL, DECODE = "prefill", "decode"

STRATEGY = "nvidia.com/deployment-strategy"
MAX_SURGE = "nvidia.com/deployment-rolling-update-max-surge"
MAX_UNAVAILABLE = "nvidia.com/deployment-rolling-update-max-unavailable"
ROLL_OUT_TOLD = (STRATEGY, MAX_SURGE, MAX_UNAVAILABLE)
"""Annotations by which the operator is told how to replace the workers of a service."""

_ROLE_LABEL = "nvidia.com/dynamo-sub-component-type"
_MOCKER_SIZE = {"cpu": "100m", "memory": "256Mi"}
_FRONTEND_SIZE = {"cpu": "2", "memory": "4Gi"}
_PICKER_SIZE = {"cpu": "1", "memory": "2Gi"}
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_CACHE_VARIABLE = "HF_HOME"


def services_of(plan: Plan) -> dict[str, Any]:
    """Every service by its key; the keys start with `Vllm` for every engine."""
    entry = {"Epp": _epp(plan)} if plan.gateway else {"Frontend": _frontend(plan)}
    roles = (PREFILL, DECODE) if plan.disaggregated else ("",)
    workers = zip(WORKERS[plan.disaggregated], roles, strict=True)
    return {**entry, **{key: _worker(plan, role=role) for key, role in workers}}


# --- endpoint picker -------------------------------------------------------------------------------


def _epp(plan: Plan) -> dict[str, Any]:
    fallback, enforced = ("false", "true") if plan.disaggregated else ("true", "false")
    env = [
        {"name": "DYN_DECODE_FALLBACK", "value": fallback},
        {"name": "DYN_ENFORCE_DISAGG", "value": enforced},
    ]
    if block_size(plan):  # else the picker hashes prompts in other blocks than the workers
        env.append({"name": "DYN_KV_CACHE_BLOCK_SIZE", "value": block_size(plan)})
    image = plan.options.epp_image or EPP_IMAGE
    config = {"config": _picker_config(disaggregated=plan.disaggregated)}
    return {
        "componentType": "epp",
        "replicas": 1,  # the operator takes no other number
        "resources": {"requests": {**_PICKER_SIZE, **plan.options.epp_size}},
        **_from_secret(plan),
        **_pod_metadata(plan.deployment),
        "extraPodSpec": {
            **pod_options.every_pod(plan.deployment),
            "mainContainer": {
                "image": image,
                "env": with_user_environment(env, _unmounted_environment(plan.deployment)),
            },
        },
        **({"eppConfig": config} if takes_picker_config(image) else {}),
    }


def _picker_config(*, disaggregated: bool) -> dict[str, Any]:
    roles = [PREFILL, DECODE] if disaggregated else [DECODE]
    filters = [_filter(role, allows_no_label=not disaggregated) for role in roles]
    scorers = [{"name": f"dyn-{role}", "type": f"dyn-{role}-scorer"} for role in roles]
    return {
        "plugins": [
            {"type": "disagg-profile-handler"},
            *filters,
            {"name": "picker", "type": "max-score-picker"},
            *scorers,
        ],
        "schedulingProfiles": [_profile(role) for role in roles],
    }


def _filter(role: str, *, allows_no_label: bool) -> dict[str, Any]:
    parameters = {"label": _ROLE_LABEL, "validValues": [role], "allowsNoLabel": allows_no_label}
    return {"name": f"{role}-filter", "type": "label-filter", "parameters": parameters}


def _profile(role: str) -> dict[str, Any]:
    plugins = (f"{role}-filter", f"dyn-{role}", "picker")
    return {"name": role, "plugins": [{"pluginRef": plugin, "weight": 1} for plugin in plugins]}


# --- frontend --------------------------------------------------------------------------------------


def _frontend(plan: Plan) -> dict[str, Any]:
    options = plan.options
    if options.router_mode not in ROUTER_MODES:
        raise RenderError(
            f"spec.provider.overrides.routerMode: {options.router_mode!r} is unknown; "
            f"use {', '.join(ROUTER_MODES)}"
        )
    size = _MOCKER_SIZE if plan.mocker else _FRONTEND_SIZE
    env = [{"name": "DYN_ROUTER_MODE", "value": options.router_mode}]
    return {
        "componentType": "frontend",
        "replicas": options.frontend_replicas,
        "resources": {"requests": {**size, **options.frontend_size}},
        **_from_secret(plan),
        **_pod_metadata(plan.deployment),
        "extraPodSpec": {
            **pod_options.every_pod(plan.deployment),
            "mainContainer": {
                "image": plan.image,
                "env": with_user_environment(env, _unmounted_environment(plan.deployment)),
            },
        },
    }


def _sidecar(plan: Plan) -> dict[str, Any]:
    # Workers of one kind get the request that the picker sent them; two kinds hand it on themselves.
    direct = [] if plan.disaggregated else ["--router-mode", "direct"]
    return {
        "image": plan.image,
        "args": ["-m", "dynamo.frontend", *direct],
        **rendering.without_empty(envs=with_user_environment([], _unmounted_environment(plan.deployment))),
        **_from_secret(plan),
    }


# --- workers ---------------------------------------------------------------------------------------


def _worker(plan: Plan, *, role: str = "") -> dict[str, Any]:
    deployment = plan.deployment
    container = {
        "image": plan.image,
        "command": worker_command(plan),
        "args": worker_args(plan, role),
        **rendering.without_empty(env=_environment(plan)),
    }
    return {
        "componentType": "worker",
        **({"subComponentType": role} if role else {}),
        "replicas": _replicas(deployment, role),
        "resources": _resources(plan, role),
        **_from_secret(plan),
        "annotations": _roll_out(deployment),
        **_pod_metadata(deployment),
        **({"frontendSidecar": _sidecar(plan)} if plan.gateway else {}),
        **rendering.without_empty(volumeMounts=_mounts(deployment)),
        "extraPodSpec": {
            **pod_options.every_pod(deployment),
            "mainContainer": container,
        },
    }


def _group(deployment: ModelDeployment, role: str) -> WorkerGroup:
    scaling = deployment.spec.scaling
    group = (scaling.prefill if role == PREFILL else scaling.decode) if scaling else None
    if group is None:
        raise RenderError(f"spec.scaling.{role}: required for disaggregated serving")
    return group


def _replicas(deployment: ModelDeployment, role: str) -> int:
    if role:
        return max(0, _group(deployment, role).replicas or 0)
    replicas = rendering.replica_count(deployment)
    return 1 if replicas is None or replicas < 0 else replicas


def _resources(plan: Plan, role: str) -> dict[str, Any]:
    if plan.mocker:
        return {"requests": dict(_MOCKER_SIZE), "limits": dict(_MOCKER_SIZE)}
    given = plan.deployment.spec.resources or Resources()
    sized = _group(plan.deployment, role) if role else given
    requests: dict[str, Any] = {}
    if sized.gpu and (sized.gpu.count or 0) > 0:
        requests["gpu"] = str(sized.gpu.count)
        if (sized.gpu.type or rendering.NVIDIA_GPU) != rendering.NVIDIA_GPU:
            requests["gpuType"] = sized.gpu.type
    cpu = None if role else given.cpu
    return {
        "limits": {**requests, **rendering.without_empty(memory=sized.memory, cpu=cpu)},
        "requests": requests,
    }


def _environment(plan: Plan) -> list[dict[str, Any]]:
    """Cache and NIXL variables, then the user's; the last of equal names counts, as for a pod."""
    derived: list[dict[str, Any]] = []
    volume = cache_volume(plan.deployment)
    if volume is not None:
        derived.append({"name": _CACHE_VARIABLE, "value": storage.mount_path(volume)})
    if plan.disaggregated and plan.engine == EngineType.VLLM:
        own_address = {"fieldRef": {"fieldPath": "status.podIP"}}
        derived.append({"name": "VLLM_NIXL_SIDE_CHANNEL_HOST", "valueFrom": own_address})
    return with_user_environment(derived, rendering.user_environment(plan.deployment))


def _roll_out(deployment: ModelDeployment) -> dict[str, str]:
    """How the operator replaces workers where Kubernetes' Deployments carry them; Grove never surges."""
    rollout = pod_options.rollout_of(deployment)
    if rollout is RolloutPolicy.RECREATE:
        return {STRATEGY: "Recreate"}
    surge, missing = ("1", "0") if rollout is RolloutPolicy.SURGE else ("0", "1")
    return {MAX_SURGE: surge, MAX_UNAVAILABLE: missing}


def _mounts(deployment: ModelDeployment) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = []
    for index, volume in enumerate(storage.storage_volumes(deployment)):
        field = f"spec.model.storage.volumes[{index}]"
        claim, path = storage.claim_name(deployment, volume), storage.mount_path(volume)
        if not path:
            raise RenderError(f"{field}.mountPath: required for {volume.name!r}")
        if not _DNS_LABEL.fullmatch(claim) or any(mount["name"] == claim for mount in mounts):
            raise RenderError(
                f"{field}: Dynamo names the pod's volume like the claim {claim!r}; use each claim once, "
                "with a name of lower-case letters, digits and '-', at most 63 characters"
            )
        mount: dict[str, Any] = {"name": claim, "mountPoint": path}
        if volume.purpose is VolumePurpose.COMPILATION_CACHE:
            mount["useAsCompilationCache"] = True
        if volume.read_only:
            mount["readOnly"] = True
        mounts.append(mount)
    return mounts


# --- shared ----------------------------------------------------------------------------------------


def with_user_environment(
    derived: Iterable[dict[str, Any]], given: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Derived variables, then the user's, which replace those of the same name; the last of equals counts."""
    named = {entry["name"]: entry for entry in given}
    return [*(entry for entry in derived if entry["name"] not in named), *named.values()]


def _unmounted_environment(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """The user's variables for a container without the volumes: none that puts a cache into one of them."""
    mounted = tuple(path for path in map(storage.mount_path, storage.storage_volumes(deployment)) if path)
    return [
        entry
        for entry in rendering.user_environment(deployment)
        if entry["name"] not in storage.CACHE_VARIABLES.values()
        or not str(entry.get("value", "")).startswith(mounted)
    ]


def _from_secret(plan: Plan) -> dict[str, Any]:
    return {"envFromSecret": plan.secret} if plan.secret else {}


def _pod_metadata(deployment: ModelDeployment) -> dict[str, Any]:
    metadata = rendering.without_empty(labels=deployment.pod_labels, annotations=deployment.pod_annotations)
    return {"extraPodMetadata": metadata} if metadata else {}
