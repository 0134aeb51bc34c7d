"""llm-d: vLLM as Deployments and Services, aggregated or prefill and decode apart, without an operator."""

from __future__ import annotations

from airunway.provider import Provider, server_pod, storage
from airunway.providers.llmd.args import argument_rules
from airunway.providers.llmd.checks import check, ignored_fields
from airunway.providers.llmd.config import NAME, health, registration
from airunway.providers.llmd.overridable import OVERRIDABLE
from airunway.providers.llmd.render import DEADLINE_VARIABLE, IMAGE_VARIABLE, render
from airunway.providers.llmd.status import read_status, with_companions

__all__ = ["PROVIDER"]

PROVIDER = Provider(
    name=NAME,
    kinds=(server_pod.DEPLOYMENT, server_pod.SERVICE, storage.CLAIM),
    registration=registration,
    variables=(IMAGE_VARIABLE, DEADLINE_VARIABLE),
    check=check,
    objects=render,
    read_status=read_status,
    with_companions=with_companions,
    health=health,
    replacement_reason=server_pod.replacement_reason,
    ignored_fields=ignored_fields,
    argument_rules=argument_rules,
    role_label=server_pod.ROLE_LABEL,
    serving_ports=(server_pod.PORT,),
    overridable=OVERRIDABLE,
    crd_version=server_pod.DEPLOYMENT.api_version,
)
