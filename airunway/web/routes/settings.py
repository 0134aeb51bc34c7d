"""Settings and providers (web-api.md §3.1)."""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter
from starlette.responses import Response

from airunway.api.names import CONFIG_PLURAL, FIELD_MANAGER, GROUP, SYSTEM_NAMESPACE
from airunway.clients.kubernetes import CONFIG_MAPS, NAMESPACES
from airunway.console.provider_metadata import metadata_of
from airunway.web.answers import JsonAnswer
from airunway.web.derive.bodies import NamespaceText, WebBody
from airunway.web.derive.providers import provider_details, provider_info, runtime_status
from airunway.web.documented import answers
from airunway.web.routes.common import (
    CONFIG_KEY,
    CONFIG_MAP,
    Name,
    default_namespace,
    forget_default_namespace,
)
from airunway.web.shapes.providers import ProviderDetailsShape, ProvidersShape, RuntimesShape
from airunway.web.shapes.state import SettingsChangedShape, SettingsShape
from airunway.web.state import SignedIn, State, WebState

public = APIRouter(prefix="/api", tags=["settings"])
router = APIRouter(prefix="/api", tags=["settings"])

CORE_KIND = f"{CONFIG_PLURAL}.{GROUP}"


class SettingsBody(WebBody):
    """What can be set."""

    default_namespace: NamespaceText | None = None


@public.get("/settings")
@answers(SettingsShape)
async def get_settings(state: State) -> Response:
    """The frontend's first call: it decides on the login page by it."""
    config = {"defaultNamespace": await default_namespace(state)}
    auth = {"enabled": state.identities.signs_in}
    return JsonAnswer({"config": config, "providers": _infos(state), "auth": auth})


@router.put("/settings")
@answers(SettingsChangedShape)
async def put_settings(state: State, caller: SignedIn, body: SettingsBody) -> Response:
    """Change them, with the caller's rights on the ConfigMap that holds them."""
    if body.default_namespace is not None:
        wanted = {"defaultNamespace": body.default_namespace}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}}
        if await caller.cluster.find(NAMESPACES, SYSTEM_NAMESPACE) is None:
            await caller.cluster.create(NAMESPACES, namespace)
        config_map = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "namespace": SYSTEM_NAMESPACE},
            "data": {CONFIG_KEY: json.dumps(wanted)},
        }
        await caller.cluster.apply(CONFIG_MAPS, config_map, field_manager=FIELD_MANAGER)
        forget_default_namespace(state)
    config = {"defaultNamespace": await default_namespace(state)}
    return JsonAnswer({"message": "Settings updated successfully", "config": config})


@public.get("/settings/providers")
@public.get("/providers", include_in_schema=False)
@answers(ProvidersShape)
async def list_providers(state: State) -> Response:
    """All registered providers."""
    return JsonAnswer({"providers": _infos(state)})


@router.get("/settings/providers/{provider}")
@router.get("/providers/{provider}", include_in_schema=False)
@answers(ProviderDetailsShape)
async def get_provider(state: State, provider: Name) -> Response:
    """One provider, with its charts and steps."""
    config = state.standings.config(provider)
    return JsonAnswer(provider_details(config, metadata_of(config)))


@router.get("/runtimes/status")
@router.get("/installation/runtimes/status", include_in_schema=False)
@answers(RuntimesShape)
async def runtimes(state: State) -> Response:
    """How each provider stands."""

    configs = state.standings.configs()
    seen = await asyncio.gather(*(state.standings.of(config) for config in configs))
    return JsonAnswer(
        {
            "runtimes": [
                runtime_status(config, metadata, standing)
                for config, (metadata, standing) in zip(configs, seen, strict=True)
            ]
        }
    )


def _infos(state: WebState) -> list[dict[str, object]]:
    return [provider_info(config, metadata_of(config)) for config in state.standings.configs()]
