"""The pod template of a llama.cpp Workspace: image, arguments, probes, resources. Source: kaito.md §8.4."""

from __future__ import annotations

from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment, ModelSource
from airunway.provider import RenderContext, RenderError, pod_options, rendering, storage
from airunway.providers.kaito.model_image import URL_ARGUMENT, argument, named_serving_image

CONTAINER = "model"
PORT = 5000
STARTUP_VARIABLE = "AIRUNWAY_KAITO_STARTUP_SECONDS"
STARTUP_SECONDS = 3600
"""How long a container may take to serve: a runner downloads gigabytes before it listens."""

_PROBE_PERIOD_SECONDS = 10
_API_KEY_VARIABLES = frozenset({"API_KEY", "LOCALAI_API_KEY"})
_AIKIT_IMAGES = "ghcr.io/kaito-project/aikit/"
_BUILT_IMAGES = "localhost:30500/"
"""How nodes pull what the GGUF build pushed (gguf-build.md §2)."""
_RUNNERS = "runners/"


def pod_template(deployment: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    """`inference.template`. Raises RenderError without an image."""
    labels = {**deployment.pod_labels, names.LABEL_MODEL_DEPLOYMENT: deployment.name}
    return {
        "metadata": rendering.without_empty(labels=labels, annotations=deployment.pod_annotations),
        "spec": {
            "containers": [_container(deployment, context)],
            **rendering.without_empty(
                tolerations=rendering.tolerations(deployment),
                volumes=storage.pod_volumes(deployment),
                imagePullSecrets=pod_options.pull_secrets(deployment, context.model_image_pull_secret),
            ),
        },
    }


def _container(deployment: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    image = context.model_image or named_serving_image(deployment)
    if not image:
        raise RenderError("spec.engine.image: the llamacpp engine needs an image with its server")
    model = "" if context.model_image else model_argument(deployment, image)
    return {
        "name": CONTAINER,
        "image": image,
        "args": [*([model] if model else []), f"--address=:{PORT}"],
        "ports": [{"containerPort": PORT}],
        **rendering.without_empty(
            resources=_resources(deployment),
            env=_environment(deployment, downloads=not context.model_image),
            volumeMounts=storage.volume_mounts(deployment),
        ),
        **_probes(deployment, context),
    }


def model_argument(deployment: ModelDeployment, image: str) -> str:
    """What the server is told to load; empty when the image holds its model (kaito.md §8.4).

    The REST API writes the source `huggingface` for every image, so an image that is known to hold a
    model (AIKit's catalogue, the GGUF build) gets no argument: `huggingface://llama3.2:1b` is no model.
    """
    if deployment.spec.model.source is ModelSource.CUSTOM or not rendering.model_id(deployment):
        return ""
    url = argument(deployment, URL_ARGUMENT)
    if url:
        return url
    return "" if holds_model(image) else f"huggingface://{rendering.model_id(deployment)}"


def is_known_image(image: str) -> bool:
    """Whether an image is AIKit's, or was built of it: for CPUs and NVIDIA GPUs."""
    return image.startswith((_AIKIT_IMAGES, _BUILT_IMAGES))


def holds_model(image: str) -> bool:
    """Whether an image is known to hold a model, rather than a server that downloads one."""
    for prefix in (_AIKIT_IMAGES, _BUILT_IMAGES):
        if image.startswith(prefix):
            return not image.removeprefix(prefix).startswith(_RUNNERS)
    return False


def _resources(deployment: ModelDeployment) -> dict[str, Any]:
    resources = deployment.spec.resources
    requests = rendering.without_empty(
        memory=resources.memory if resources else None, cpu=resources.cpu if resources else None
    )
    limits = {rendering.gpu_type(deployment): str(deployment.gpu_count)} if deployment.gpu_count > 0 else {}
    return rendering.without_empty(requests=requests, limits=limits)


def _environment(deployment: ModelDeployment, *, downloads: bool) -> list[dict[str, Any]]:
    # An image that was built for the deployment holds its model: nobody in there needs the token.
    token = rendering.token_entry(deployment) if downloads else None
    return [*rendering.user_environment(deployment), *([token] if token else [])]


def _probes(deployment: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    seconds = rendering.seconds_from(context.env, STARTUP_VARIABLE, default=STARTUP_SECONDS, minimum=60)
    # With an API key the server answers an anonymous GET with 401, also when it is well.
    guarded = not _API_KEY_VARIABLES.isdisjoint(rendering.environment_names(deployment))
    check: dict[str, Any] = (
        {"tcpSocket": {"port": PORT}} if guarded else {"httpGet": {"path": "/v1/models", "port": PORT}}
    )
    probe = {**check, "periodSeconds": _PROBE_PERIOD_SECONDS, "timeoutSeconds": 5}
    return {
        "startupProbe": {**probe, "failureThreshold": -(-seconds // _PROBE_PERIOD_SECONDS)},
        "readinessProbe": {**probe, "failureThreshold": 3},
    }
