"""Pod templates of head and workers. Source: kuberay.md §7.3 to §7.7, weak spots 4, 6 and 7.

Head and workers share everything that concerns the model; only the workers have GPUs, caches, and the memory
that the model needs. The head runs Ray's own processes, whose size does not follow from the model's.
"""

from __future__ import annotations

from typing import Any

from airunway.api import names
from airunway.api.model_deployment import Gpu, ModelDeployment, ServingMode, StorageVolume, VolumePurpose
from airunway.provider import RenderContext, pod_options, pod_security, rendering, storage
from airunway.providers.kuberay.args import argument_text, tensor_parallel_size
from airunway.providers.kuberay.config import NAME
from airunway.providers.kuberay.serve import is_stock, serve_replicas, serving_image_of

HEAD_CPU = "4"
HEAD_MEMORY = "16Gi"
"""What Ray's control store, dashboard and proxy need on clusters of hundreds of nodes."""
WORKER_MEMORY = "32Gi"

_CACHES = (VolumePurpose.MODEL_CACHE, VolumePurpose.COMPILATION_CACHE)
_OPERATOR_VOLUMES = frozenset({"shared-mem", "ray-logs"})
"""Volumes that KubeRay itself adds to a pod."""
_STOCK_IMAGE_GROUP = 100
"""Group of the user that the stock image runs as: without it a fresh volume belongs to root."""


def head_template(deployment: ModelDeployment) -> dict[str, Any]:
    """Pod template of the head. It has no caches: weights are read by the workers only.

    Its size can be overridden (`limits.OVERRIDABLE`).
    """
    return _template(
        deployment,
        container="ray-head",
        resources={"limits": {"cpu": HEAD_CPU, "memory": HEAD_MEMORY}},
        volumes=[volume for volume in storage.storage_volumes(deployment) if volume.purpose not in _CACHES],
        variables=[],
    )


def worker_template(deployment: ModelDeployment, *, gpu: Gpu | None, memory: str | None) -> dict[str, Any]:
    """Pod template of a worker group. GPU counts are texts, as Kubernetes writes quantities."""
    given = deployment.spec.resources
    limits = {"memory": memory or WORKER_MEMORY}
    if gpu and gpu.count and gpu.count > 0:
        limits[gpu.type or rendering.NVIDIA_GPU] = str(gpu.count)
    requests = rendering.without_empty(cpu=given.cpu if given else None)
    return _template(
        deployment,
        container="ray-worker",
        resources={"limits": limits, **rendering.without_empty(requests=requests)},
        volumes=storage.storage_volumes(deployment),
        variables=storage.cache_environment(deployment),
    )


def _template(
    deployment: ModelDeployment,
    *,
    container: str,
    resources: dict[str, Any],
    volumes: list[StorageVolume],
    variables: list[dict[str, Any]],
) -> dict[str, Any]:
    image = serving_image_of(deployment)
    names_of_volumes = _volume_names(deployment)
    mounts = [
        {**mount, "name": names_of_volumes[volume.name]}
        for volume in volumes
        for mount in storage.volume_mounts(deployment)
        if mount["name"] == volume.name
    ]
    wanted = {volume.name for volume in volumes}
    sources = [
        {**source, "name": names_of_volumes[source["name"]]}
        for source in storage.pod_volumes(deployment)
        if source["name"] in wanted
    ]
    is_written = any(not volume.read_only for volume in volumes)
    security = {"fsGroup": _STOCK_IMAGE_GROUP} if is_written and is_stock(image) else {}
    return {
        "metadata": rendering.without_empty(
            labels={**deployment.pod_labels, **fixed_labels(deployment)},
            annotations=deployment.pod_annotations,
        ),
        "spec": {
            "containers": [
                {
                    "name": container,
                    "image": image,
                    "resources": resources,
                    "env": _environment(deployment, variables),
                    **rendering.without_empty(volumeMounts=mounts),
                }
            ],
            **pod_options.every_pod(deployment),
            **rendering.without_empty(
                volumes=sources,
                securityContext=security,
            ),
        },
    }


def pods_security(deployment: ModelDeployment, context: RenderContext) -> pod_security.PodSecurity:
    """How head and workers run: the stock image is made for `restricted`, of others nothing is known."""
    stock = is_stock(serving_image_of(deployment))
    levels = pod_security.PodSecurityLevel
    return pod_security.pod_security(
        context.env,
        NAME,
        default=levels.RESTRICTED if stock else levels.BASELINE,
        group=_STOCK_IMAGE_GROUP if stock else 0,
        home=not stock,
    )


def fixed_labels(deployment: ModelDeployment) -> dict[str, str]:
    """What the InferencePool and the pod look-up select by (kuberay.md §11)."""
    return {names.LABEL_MODEL_DEPLOYMENT: deployment.name}


def _environment(deployment: ModelDeployment, variables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Model, arguments, caches, the user's variables, the token; of two with one name the last counts."""
    token = rendering.token_entry(deployment)
    return rendering.once_each(
        [
            {"name": "MODEL_ID", "value": rendering.model_id(deployment)},
            {"name": "VLLM_ENGINE_ARGS", "value": _arguments(deployment)},
            *variables,
            *rendering.user_environment(deployment),
            *([token] if token else []),
        ]
    )


def _arguments(deployment: ModelDeployment) -> str:
    """One text for all engines: no tensor parallel size when those of prefill and decode differ."""
    engines = [(deployment.gpu_count, serve_replicas(deployment))]
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        scaling = deployment.spec.scaling
        groups = [group for group in (scaling.prefill, scaling.decode) if group] if scaling else []
        engines = [((group.gpu.count or 0) if group.gpu else 0, group.replicas or 0) for group in groups]
    sizes = {tensor_parallel_size(deployment, gpus=gpus, workers=workers) for gpus, workers in engines}
    return argument_text(deployment, tensor_parallel=sizes.pop() if len(sizes) == 1 else 0)


def _volume_names(deployment: ModelDeployment) -> dict[str, str]:
    """Volume of the deployment to volume of the pod: another one where KubeRay needs the name."""
    taken = {volume.name for volume in storage.storage_volumes(deployment)} | _OPERATOR_VOLUMES
    renamed = {}
    for volume in storage.storage_volumes(deployment):
        name = volume.name
        if name in _OPERATOR_VOLUMES:
            while name in taken:
                name = f"user-{name}"
            taken.add(name)
        renamed[volume.name] = name
    return renamed
