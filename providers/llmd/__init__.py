"""llm-d: vLLM as Deployments and Services, aggregated or prefill and decode apart, without an operator."""

from __future__ import annotations

from providers.contract import Provider
from providers.llmd.checks import check, ignored_fields
from providers.llmd.config import CLAIM, DEPLOYMENT, NAME, SERVICE, health, registration
from providers.llmd.render import render, replacement_reason
from providers.llmd.status import read_status, with_companions

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
