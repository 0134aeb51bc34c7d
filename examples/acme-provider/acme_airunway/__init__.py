"""Acme: one Server per ModelDeployment."""

from __future__ import annotations

from acme_airunway.config import NAME, SERVER, health, registration
from acme_airunway.limits import SERVER_SHAPE, demand
from acme_airunway.render import check, render
from acme_airunway.status import read_status
from airunway.provider import Provider

__all__ = ["PROVIDER"]

PROVIDER = Provider(
    name=NAME,
    kinds=(SERVER,),
    registration=registration,
    check=check,
    objects=render,
    shapes={SERVER.kind: SERVER_SHAPE},
    demand=demand,
    read_status=read_status,
    health=health,
    crd_version=SERVER.api_version,
)
