"""llm-d: vLLM as Deployments and Services, aggregated or prefill and decode apart, without an operator."""

from __future__ import annotations

from airunway.provider.contract import Provider
from airunway.providers.llmd.checks import check, ignored_fields
from airunway.providers.llmd.config import CLAIM, DEPLOYMENT, NAME, SERVICE, health, registration
from airunway.providers.llmd.render import render, replacement_reason
from airunway.providers.llmd.status import read_status, with_companions

__all__ = ["PROVIDER"]

PROVIDER = Provider(
    name=NAME,
    kinds=(DEPLOYMENT, SERVICE, CLAIM),
    registration=registration,
    check=check,
    render=render,
    read_status=read_status,
    with_companions=with_companions,
    health=health,
    replacement_reason=replacement_reason,
    ignored_fields=ignored_fields,
    crd_version=DEPLOYMENT.api_version,
)
