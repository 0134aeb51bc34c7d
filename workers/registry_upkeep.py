"""When the registry in the cluster is looked after though nothing is built: hourly, by each core worker."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import structlog

from airunway.activities.model_image.upkeep import RegistryUpkeep
from airunway.clients.kubernetes import Cluster
from airunway.workers.model_images import (
    build_services,
    image_room,
    model_image_records,
    pull_secrets,
)
from airunway.workers.settings import Settings

_log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
"""Much less than a login lasts (AIRUNWAY_IMAGE_REGISTRY_LOGIN_LIFETIME, two days at least) and as exact as
retention is (AIRUNWAY_IMAGE_RETENTION, an hour at least)."""
_JITTER = 0.2


def registry_upkeep(cluster: Cluster, settings: Settings) -> RegistryUpkeep | None:
    """The upkeep; None: the registry is somebody else's."""
    if settings.image_registry:
        return None
    return RegistryUpkeep(
        cluster=cluster,
        keeper=build_services(cluster, settings),
        room=image_room(cluster, settings),
        records=model_image_records(cluster, settings),
        pull_secrets=pull_secrets(cluster, settings),
    )


async def keep_up(upkeep: RegistryUpkeep, *, every: timedelta = EVERY) -> None:
    """Look after it until cancelled. The first time not at once: workers start when much else is going on."""
    while True:
        await asyncio.sleep(every.total_seconds() * random.uniform(1 - _JITTER, 1 + _JITTER))
        try:
            await upkeep.once()
        except Exception:  # the worker must not end with a fault of this one
            _log.exception("upkeep of the registry failed; trying again later")
