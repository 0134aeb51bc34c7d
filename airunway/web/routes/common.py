"""What several groups of endpoints need: the namespace that is meant, a deployment as the caller sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.errors import ApiError, NotFound
from airunway.clients.kubernetes import CONFIG_MAPS, DEPLOYMENTS, Object
from airunway.web.cache import TimedCache
from airunway.web.derive.bodies import MAX_INT, NAME_PATTERN, NAMESPACE_PATTERN
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.state import WebState

CONFIG_MAP, CONFIG_KEY = "airunway-config", "config.json"
NAMESPACE_SECONDS = 30.0

NamespaceQuery = Annotated[str | None, Query(pattern=NAMESPACE_PATTERN, max_length=63)]
Offset = Annotated[int, Query(ge=0, le=MAX_INT)]
NAME_RULE = {"pattern": NAME_PATTERN, "max_length": 253}

_defaults: TimedCache[int, str] = TimedCache(seconds=NAMESPACE_SECONDS, maximum=100)


async def default_namespace(state: WebState) -> str:
    """The namespace that is meant where none is named (web-api.md §1)."""

    async def read() -> str:
        try:
            found = await state.cluster.find(CONFIG_MAPS, CONFIG_MAP, namespace=SYSTEM_NAMESPACE)
        except ApiError:
            found = None
        return configured_namespace(found) or os.environ.get("DEFAULT_NAMESPACE", "") or SYSTEM_NAMESPACE

    return await _defaults.get(id(state), read)


def forget_default_namespace(state: WebState) -> None:
    """It was changed."""
    _defaults.forget(id(state))


def configured_namespace(config_map: Mapping[str, Any] | None) -> str:
    """What the ConfigMap says; empty where it says nothing that can be used."""
    text = ((config_map or {}).get("data") or {}).get(CONFIG_KEY) or ""
    try:
        told = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return ""
    found = told.get("defaultNamespace") if isinstance(told, dict) else None
    return found if isinstance(found, str) else ""


async def read_deployment(state: WebState, caller: Caller, namespace: str | None, name: str) -> Object:
    """A deployment as it is now, with the caller's rights. Raises WebError (404), ApiError."""
    where = namespace or await default_namespace(state)
    try:
        return await caller.cluster.get(DEPLOYMENTS, name, namespace=where)
    except NotFound as err:
        raise WebError(404, f"Deployment not found: there is no ModelDeployment {where}/{name}") from err


def status_answer(state: WebState, deployment: Object) -> dict[str, Any]:
    """DeploymentStatus of a deployment, with the pods that are followed."""
    return state.shown.one(deployment)


def client_address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""
