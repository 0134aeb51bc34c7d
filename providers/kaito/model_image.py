"""When a GGUF model is put into an image of its own before KAITO runs it. Pure.

Source: gguf-build.md §1 and §10. AI Runway's user interface builds first and then names the image; here a
deployment that names none gets one.
"""

from __future__ import annotations

from typing import Any

from airunway.api import names
from airunway.api.model_deployment import EngineType, ModelDeployment, ModelSource
from airunway.provider import ModelImageSpec, rendering

FILE_ARGUMENT = "ggufFile"
URL_ARGUMENT = "ggufUrl"
RUNNER = "ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest"
"""What AI Runway names as the image in direct mode."""


def model_image(deployment: ModelDeployment) -> ModelImageSpec | None:
    """The image to build: for llama.cpp with a model of Hugging Face and no image named."""
    spec = deployment.spec
    if deployment.engine_type != EngineType.LLAMACPP or named_serving_image(deployment):
        return None
    if spec.model.source is ModelSource.CUSTOM or not rendering.model_id(deployment) or is_direct(deployment):
        return None
    annotations = deployment.metadata.annotations or {}
    return ModelImageSpec(
        repository=rendering.model_id(deployment),
        file=argument(deployment, FILE_ARGUMENT),
        revision=annotations.get(names.ANNOTATION_MODEL_REVISION, "").strip() or "main",
        token_secret=rendering.hugging_face_secret(deployment),
    )


def named_serving_image(deployment: ModelDeployment) -> str:
    """The image that a user names, in the spec or for containers of the overrides; empty when none is."""
    return rendering.serving_image_override(deployment) or _overriding_image(deployment)


def _overriding_image(deployment: ModelDeployment) -> str:
    """The first image of the containers that take the place of ours, if they have one each."""
    found: Any = deployment.spec.provider.overrides if deployment.spec.provider else None
    for key in ("inference", "template", "spec", "containers"):
        found = found.get(key) if isinstance(found, dict) else None
    entries = found if isinstance(found, list) else []
    images = [entry.get("image") if isinstance(entry, dict) else None for entry in entries]
    complete = images and all(isinstance(image, str) and image for image in images)
    return str(images[0]) if complete else ""


def is_direct(deployment: ModelDeployment) -> bool:
    """Whether the server downloads its model itself when it starts."""
    annotations = deployment.metadata.annotations or {}
    mode = annotations.get(names.ANNOTATION_GGUF_MODE, "").strip().lower()
    return mode == names.GGUF_DIRECT or bool(argument(deployment, URL_ARGUMENT))


def argument(deployment: ModelDeployment, name: str) -> str:
    """A value of `engine.args`; empty when absent."""
    engine = deployment.spec.engine
    return ((engine.args or {}) if engine else {}).get(name, "")
