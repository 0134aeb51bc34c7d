"""What several groups of endpoints need: the namespace that is meant, a deployment as the caller sees it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header, Path, Query

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.errors import ApiError, NotFound
from airunway.clients.kubernetes import CONFIG_MAPS, DEPLOYMENTS, Object
from airunway.web.cache import TimedCache
from airunway.web.derive.bodies import MAX_INT, NAME_PATTERN, NAMESPACE_PATTERN
from airunway.web.derive.pods import whole
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.state import WebState

CONFIG_MAP, CONFIG_KEY = "airunway-config", "config.json"
NAMESPACE_SECONDS = 30.0
DEFAULT_PORT = 8000
"""Of a Service whose port nobody says."""

NamespaceQuery = Annotated[str | None, Query(pattern=NAMESPACE_PATTERN, max_length=63)]
Name = Annotated[str, Path(pattern=NAME_PATTERN, max_length=253)]
"""Of a deployment or a provider, in a path."""
HubToken = Annotated[str, Header(alias="X-HF-Token", max_length=4096)]
"""A token of Hugging Face, from whoever has one."""
Offset = Annotated[int, Query(ge=0, le=MAX_INT)]

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


def service_of(deployment: Object) -> tuple[str, int]:
    """Service and port that a deployment is served at, for a path. Raises WebError for what is no Service."""
    meta, endpoint = deployment["metadata"], (deployment.get("status") or {}).get("endpoint") or {}
    service = str(endpoint.get("service") or meta["name"])
    if not re.fullmatch(NAME_PATTERN, service) or len(service) > 253:
        raise WebError(409, f"the status of deployment {meta['name']} names no Service: {service[:100]!r}")
    return service, whole(endpoint.get("port")) or DEFAULT_PORT
