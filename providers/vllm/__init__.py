"""Direct vLLM: a Deployment and a Service per deployment, without an operator."""

from __future__ import annotations

from airunway.provider import Provider, server_pod, storage
from airunway.providers.vllm.args import argument_rules
from airunway.providers.vllm.config import NAME, health, registration
from airunway.providers.vllm.overridable import OVERRIDABLE
from airunway.providers.vllm.render import DEADLINE_VARIABLE, check, ignored_fields, render
from airunway.providers.vllm.serving_image import (
    DEFAULT_IMAGE,
    describe_serving_image,
    serving_image_to_resolve,
)
from airunway.providers.vllm.status import read_status

__all__ = ["PROVIDER"]

PROVIDER = Provider(
    name=NAME,
    kinds=(server_pod.DEPLOYMENT, server_pod.SERVICE, storage.CLAIM),
    registration=registration,
    variables=(DEADLINE_VARIABLE,),
    check=check,
    objects=render,
    read_status=read_status,
    health=health,
    replacement_reason=server_pod.replacement_reason,
    ignored_fields=ignored_fields,
    argument_rules=argument_rules,
    overridable=OVERRIDABLE,
    serving_image_to_resolve=serving_image_to_resolve,
    describe_serving_image=describe_serving_image,
    default_serving_image=DEFAULT_IMAGE,
    serving_ports=(server_pod.PORT,),
    crd_version=server_pod.DEPLOYMENT.api_version,
)
