"""The pod of one component: container, environment, resources, volumes, probes. Pure.

Source: llmd.md §9.1 and §9.3. The probes, the shared memory and the storage are ours: without them a pod
counts as ready while its weights still load, NCCL runs out of /dev/shm, and mounted caches stay unused.
"""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import common, storage
from airunway.provider.contract import RenderContext
from airunway.providers.llmd.args import PORT, server_args
from airunway.providers.llmd.components import Component

CONTAINER = "vllm"
DEFAULT_IMAGE = "vllm/vllm-openai:v0.9.1"
IMAGE_VARIABLE = "AIRUNWAY_LLMD_IMAGE"
"""In the worker's environment: the image of deployments that name none."""

DEADLINE_VARIABLE = "AIRUNWAY_LLMD_PROGRESS_DEADLINE_SECONDS"
DEADLINE_SECONDS = 3600
"""How long a roll-out may make no progress: large weights are downloaded inside the starting pod."""
MINIMUM_DEADLINE_SECONDS = 60

SHARED_MEMORY_LIMIT = "20Gi"
_SHARED_MEMORY = "shm"
_INITIAL_DELAY_SECONDS = 15
_STARTUP_PERIOD_SECONDS = 10


def progress_deadline(context: RenderContext) -> int:
    """Seconds without progress after which a roll-out counts as failed."""
    return common.seconds_from(
        context.env, DEADLINE_VARIABLE, default=DEADLINE_SECONDS, minimum=MINIMUM_DEADLINE_SECONDS
    )


def image_of(deployment: ModelDeployment, context: RenderContext) -> str:
    """The user's image, else the one the worker is set to, else the contract's."""
    return common.image_override(deployment) or context.env.get(IMAGE_VARIABLE, "").strip() or DEFAULT_IMAGE


def pod_spec(deployment: ModelDeployment, component: Component, context: RenderContext) -> dict[str, Any]:
    """The pod: one vLLM server, as large as the component says."""
    shared = _shared_memory_name(deployment) if component.gpus > 1 else ""
    memory = {"name": shared, "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY_LIMIT}}
    mount = {"name": shared, "mountPath": "/dev/shm"}
    container = {
        "name": CONTAINER,
        "image": image_of(deployment, context),
        "args": server_args(deployment, component),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        **_probes(startup_seconds=progress_deadline(context)),
        **common.without_empty(
            resources=_resources(component),
            env=environment(deployment),
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


def environment(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """Cache variables, then the user's, then the token, which replaces a user's own `HF_TOKEN`."""
    token = common.token_entry(deployment)
    given = [*common.user_environment(deployment), *([token] if token else [])]
    return [*storage.cache_environment(deployment), *common.once_each(given)]


def _resources(component: Component) -> dict[str, Any]:
    """GPUs and memory as limits and requests, CPU as a request only."""
    gpus = {component.gpu_type: str(component.gpus)} if component.gpus > 0 else {}
    limits = {**gpus, **common.without_empty(memory=component.memory)}
    requests = {**limits, **common.without_empty(cpu=component.cpu)}
    return common.without_empty(limits=limits, requests=requests)


def _shared_memory_name(deployment: ModelDeployment) -> str:
    taken = {volume.name for volume in storage.storage_volumes(deployment)}
    name = _SHARED_MEMORY
    while name in taken:
        name = f"dev-{name}"
    return name


def _probes(*, startup_seconds: int) -> dict[str, Any]:
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
