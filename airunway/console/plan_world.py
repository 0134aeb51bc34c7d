"""What a plan is made against, from the settings and what was read of a cluster. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from airunway.activities.deployment.installable import Listed, installable_among
from airunway.activities.upstream.served_api import ServedApi
from airunway.api.heartbeat import oldest_alive
from airunway.console.plan import World, shipped_configs
from airunway.console.plan_publication import GatewayWorld
from airunway.provider import Provider
from airunway.workers.settings import Settings


def gateway_world(settings: Settings) -> GatewayWorld:
    """What the settings say of the gateway; no cluster is asked."""
    options = settings.gateway_options(impersonate="")
    return GatewayWorld(
        configured=options.configured,
        picker_image=options.picker_image,
        request_timeout=options.request_timeout,
    )


def plan_world(
    settings: Settings,
    providers: Mapping[str, Provider],
    listed: Sequence[Listed] | None,
    *,
    namespaces: Mapping[str, Mapping[str, str]],
    gateway: GatewayWorld,
    served: Mapping[str, ServedApi],
) -> World:
    """The world of now. `listed` None: nobody said which configs there are; the installed providers count."""
    alive = oldest_alive(datetime.now(UTC), limit=settings.heartbeat_limit)
    configs = shipped_configs(providers) if listed is None else [config for config, _ in listed]
    return World(
        configs=configs,
        providers=providers,
        env=os.environ,
        alive_since=alive,
        fallback=settings.selection_fallback,
        selector_enabled=settings.selector_enabled,
        policy=settings.overrides_policy,
        trust=settings.trust_policy,
        namespaces=namespaces,
        gateway=gateway,
        served=served,
        installable=installable_among(listed or (), settings.provider_install, alive_since=alive),
    )
