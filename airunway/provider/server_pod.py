"""A vLLM server in plain pods: its Deployment, Service, container and probes. Pure.

For providers without an operator of their own. The probes, the shared memory and the storage are ours:
without them a pod counts as ready while its weights still load, NCCL runs out of /dev/shm, and mounted caches
stay unused. Source: vllm.md §8, llmd.md §9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import pod_options, pod_security, rendering, storage
from airunway.provider.contract import Manifest, RenderContext, UpstreamKind

DEPLOYMENT = UpstreamKind(api_version="apps/v1", kind="Deployment", plural="deployments", builtin=True)
SERVICE = UpstreamKind(api_version="v1", kind="Service", plural="services", builtin=True)

CONTAINER = "vllm"
ROLE_LABEL = "app"
"""On pods: the name of their Deployment."""
PORT = 8000
DEADLINE_SECONDS = 3600
"""How long a roll-out may make no progress: large weights are downloaded inside the starting pod."""
MIN_DEADLINE_SECONDS = 60
SHARED_MEMORY_LIMIT = "20Gi"

_SHARED_MEMORY = "shm"
_INITIAL_DELAY_SECONDS = 15
_STARTUP_PERIOD_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class ModelServer:
    """One Deployment with its Service, and how large each of its pods is.

    `memory` and `cpu` are empty when not given. `takes_requests`: clients send their requests here, so the
    InferencePool selects its pods.
    """

    name: str
    replicas: int
    gpus: int
    gpu_type: str
    memory: str = ""
    cpu: str = ""
    takes_requests: bool = True


def whole_server(deployment: ModelDeployment) -> ModelServer:
    """The server of aggregated serving: `spec.scaling.replicas` pods, as large as `spec.resources` says."""
    resources, replicas = deployment.spec.resources, rendering.replica_count(deployment)
    return ModelServer(
        name=deployment.name,
        replicas=1 if replicas is None else replicas,
        gpus=deployment.gpu_count,
        gpu_type=rendering.gpu_type(deployment),
        memory=(resources.memory if resources else None) or "",
        cpu=(resources.cpu if resources else None) or "",
    )


def progress_deadline(context: RenderContext, variable: str) -> int:
    """Seconds without progress after which a roll-out counts as failed. Raises RenderError."""
    return rendering.seconds_from(
        context.env, variable, default=DEADLINE_SECONDS, minimum=MIN_DEADLINE_SECONDS
    )


def selector(deployment: ModelDeployment, server: ModelServer) -> dict[str, str]:
    """Labels by which Deployment and Service find the pods; immutable, so fixed by the names."""
    return {names.LABEL_DEPLOYMENT: deployment.name, ROLE_LABEL: server.name}


def fixed_labels(deployment: ModelDeployment, server: ModelServer) -> dict[str, str]:
    """The selector's labels, and the InferencePool's on pods that take requests."""
    pool = {names.LABEL_MODEL_DEPLOYMENT: deployment.name} if server.takes_requests else {}
    return {**selector(deployment, server), **pool}


def server_deployment(
    deployment: ModelDeployment,
    server: ModelServer,
    *,
    image: str,
    args: Sequence[str],
    deadline_seconds: int,
) -> Manifest:
    """The Deployment; `deadline_seconds` without progress fail its roll-out."""
    given = deployment.pod_labels
    pod = _pod_spec(deployment, server, image=image, args=args, startup_seconds=deadline_seconds)
    labels = {key: value for key, value in given.items() if key != names.LABEL_MODEL_DEPLOYMENT}
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": rendering.object_metadata(
            deployment,
            name=server.name,
            labels={**given, **rendering.object_labels(deployment)},
            annotations=deployment.pod_annotations,
        ),
        "spec": {
            "replicas": server.replicas,
            "strategy": pod_options.deployment_strategy(
                pod_options.rollout_of(deployment), replicas=server.replicas
            ),
            "progressDeadlineSeconds": deadline_seconds,
            "selector": {"matchLabels": selector(deployment, server)},
            "template": {
                "metadata": {
                    "labels": {**labels, **fixed_labels(deployment, server)},
                    "annotations": deployment.pod_annotations,
                },
                "spec": pod,
            },
        },
    }


def server_service(deployment: ModelDeployment, server: ModelServer) -> Manifest:
    """The Service, called like the Deployment."""
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": rendering.object_metadata(
            deployment, name=server.name, labels=rendering.object_labels(deployment)
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(deployment, server),
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def with_isolated_pods(workload: Manifest, context: RenderContext, *, provider: str) -> Manifest:
    """The Deployment, its pods isolated as the settings of a provider say. Raises RenderError.

    vLLM's images run as root, so `restricted` has to be asked for.
    """
    security = pod_security.pod_security(context.env, provider, home=True)
    template = workload["spec"]["template"]
    isolated = {**template, "spec": pod_security.isolated(template["spec"], security)}
    return {**workload, "spec": {**workload["spec"], "template": isolated}}


def with_settled_strategy(workload: Manifest, given: Mapping[str, Any]) -> Manifest:
    """The Deployment after overrides (`given`), its roll-out strategy one that the API server takes.

    Raises RenderError for one that it never would.
    """
    spec = workload["spec"]
    asked = given.get("spec") or {}
    strategy = pod_options.settled_strategy(spec.get("strategy"), asked.get("strategy") or {})
    return {**workload, "spec": {**spec, "strategy": strategy}}


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why the object must be made again: only a Deployment with another selector, which is immutable."""
    if live.get("kind") != DEPLOYMENT.kind:
        return None
    current, wanted = (obj.get("spec", {}).get("selector") for obj in (live, desired))
    return None if current == wanted else "spec.selector of a Deployment is immutable"


# -- the pod --------------------------------------------------------------------------------------------


def _pod_spec(
    deployment: ModelDeployment,
    server: ModelServer,
    *,
    image: str,
    args: Sequence[str],
    startup_seconds: int,
) -> dict[str, Any]:
    shared = _shared_memory_name(deployment) if server.gpus > 1 else ""
    memory = {"name": shared, "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY_LIMIT}}
    mount = {"name": shared, "mountPath": "/dev/shm"}
    container = {
        "name": CONTAINER,
        "image": image,
        "args": list(args),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        **_probes(startup_seconds),
        "resources": _resources(server),
        **rendering.without_empty(
            env=_environment(deployment),
            volumeMounts=[*([mount] if shared else []), *storage.volume_mounts(deployment)],
        ),
    }
    return {
        "containers": [container],
        **pod_options.every_pod(deployment),
        **rendering.without_empty(
            volumes=[*([memory] if shared else []), *storage.pod_volumes(deployment)],
        ),
    }


def _environment(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """Cache variables, then the user's, then the token, which replaces a user's own `HF_TOKEN`."""
    token = rendering.token_entry(deployment)
    given = [*rendering.user_environment(deployment), *([token] if token else [])]
    return [*storage.cache_environment(deployment), *rendering.once_each(given)]


def _resources(server: ModelServer) -> dict[str, Any]:
    """GPUs and memory as limits and requests, CPU as a request only."""
    limits = {server.gpu_type: str(server.gpus), **rendering.without_empty(memory=server.memory)}
    return {"limits": limits, "requests": {**limits, **rendering.without_empty(cpu=server.cpu)}}


def _shared_memory_name(deployment: ModelDeployment) -> str:
    taken = {volume.name for volume in storage.storage_volumes(deployment)}
    name = _SHARED_MEMORY
    while name in taken:
        name = f"dev-{name}"
    return name


def _probes(startup_seconds: int) -> dict[str, Any]:
    """Probes of the server; it may take `startup_seconds` to come up, a little less than the roll-out."""
    attempts = max(1, (startup_seconds - _INITIAL_DELAY_SECONDS) // _STARTUP_PERIOD_SECONDS)

    def probe(*, period_seconds: int, failures: int) -> dict[str, Any]:
        return {
            "httpGet": {"path": "/health", "port": PORT},
            "initialDelaySeconds": _INITIAL_DELAY_SECONDS,
            "periodSeconds": period_seconds,
            "failureThreshold": failures,
        }

    return {
        "startupProbe": probe(period_seconds=_STARTUP_PERIOD_SECONDS, failures=attempts),
        "livenessProbe": probe(period_seconds=10, failures=3),
        "readinessProbe": probe(period_seconds=5, failures=3),
    }
