"""What a person or a test can make go wrong in the sandbox, and how.

By annotation on the pods (`spec.podTemplate.metadata.annotations` of a ModelDeployment)::

    sandbox.airunway.ai/fault: image-pull | crash | oom | never-ready | quota

or by the image's name: `fail-image/...` cannot be pulled, `crash/...` is killed for lack of memory at each
start. What is missing fails as on a real cluster, without a knob: too many GPUs or a node selector that no
node has (unschedulable), a Secret or a claim that does not exist, a model that the pretend hub does not give.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from airunway.sandbox.hub_models import GATED, MISSING, PRIVATE
from airunway.sandbox.serving.names import loaded_models

ANNOTATION_PREFIX = "sandbox.airunway.ai/"
FAULT_ANNOTATION = f"{ANNOTATION_PREFIX}fault"
INSTANT_ANNOTATION = f"{ANNOTATION_PREFIX}instant"
"""`"true"`: the pod starts without delay, as an operator's does that was there before the story begins."""


_TOKENS = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}


class PodFault(StrEnum):
    """One way to fail."""

    IMAGE_PULL = "image-pull"
    CRASH = "crash"
    OUT_OF_MEMORY = "oom"
    NEVER_READY = "never-ready"
    QUOTA = "quota"


def fault_of(pod: Mapping[str, Any]) -> PodFault | None:
    """The fault a pod, or a pod template, asks for; an unknown name is none."""
    wanted = (pod.get("metadata", {}).get("annotations") or {}).get(FAULT_ANNOTATION, "")
    if wanted in set(PodFault):
        return PodFault(wanted)
    images = [container.get("image", "") for container in pod.get("spec", {}).get("containers") or []]
    if any(image.startswith("fail-image/") for image in images):
        return PodFault.IMAGE_PULL
    if any(image.startswith("crash/") for image in images):
        return PodFault.OUT_OF_MEMORY
    return PodFault.CRASH if refused_model(pod) else None


def refused_model(pod: Mapping[str, Any]) -> str:
    """The model that a pod would load and the pretend hub does not give it; empty: none.

    Whoever names a Secret with a token is taken at its word: builds of images ask the hub itself.
    """
    variables = {
        variable["name"]
        for container in pod.get("spec", {}).get("containers") or []
        for variable in container.get("env") or []
    }
    closed = (MISSING,) if variables & _TOKENS else (MISSING, GATED, PRIVATE)
    return next((model for model in loaded_models(pod) if model.partition("/")[0] in closed), "")


def is_instant(pod: Mapping[str, Any]) -> bool:
    """Whether a pod starts without delay."""
    annotations: Mapping[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get(INSTANT_ANNOTATION) == "true"


def knobs(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The sandbox's own annotations of an object, to be handed on to what is made from it."""
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    return {key: value for key, value in annotations.items() if key.startswith(ANNOTATION_PREFIX)}
