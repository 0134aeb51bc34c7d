"""Direct vLLM: a Deployment and a Service per deployment, without an operator."""

from __future__ import annotations

from airunway.provider.contract import Provider
from airunway.providers.vllm.config import CLAIM, DEPLOYMENT, NAME, SERVICE, health, registration
from airunway.providers.vllm.image import DEFAULT_IMAGE, describe_image, image_to_resolve
from airunway.providers.vllm.render import check, ignored_fields, render, replacement_reason
from airunway.providers.vllm.status import read_status

__all__ = ["PROVIDER"]

PROVIDER = Provider(
    name=NAME,
    kinds=(DEPLOYMENT, SERVICE, CLAIM),
    registration=registration,
    check=check,
    render=render,
    read_status=read_status,
    health=health,
    replacement_reason=replacement_reason,
    ignored_fields=ignored_fields,
    image_to_resolve=image_to_resolve,
    describe_image=describe_image,
    default_image=DEFAULT_IMAGE,
    crd_version=DEPLOYMENT.api_version,
)
