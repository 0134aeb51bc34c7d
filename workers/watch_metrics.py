"""What is measured of the watches: how late what they bring is, and how long they have been silent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime

from airunway.clients.kubernetes import Object
from airunway.clients.reflector import Reflector
from airunway.metrics.families import PROVIDER_READY, REGISTERED, WATCH_LAG, WATCH_SILENT
from airunway.metrics.labels import FewValues

_RESOURCES = FewValues()


def observe_lag(resource: str, obj: Object) -> None:
    """Measure how long ago the last write to an object was, which is news just now."""
    meta = obj["metadata"]
    written = max((str(entry.get("time") or "") for entry in meta.get("managedFields") or []), default="")
    try:
        at = datetime.fromisoformat(written or str(meta.get("creationTimestamp")))
    except ValueError:
        return
    WATCH_LAG.labels(_RESOURCES.take(resource)).observe(max(time.time() - at.timestamp(), 0.0))


def show_silence(followed: Iterable[Reflector]) -> None:
    """How long each watch has brought nothing; what is not served any more is not shown."""
    WATCH_SILENT.clear()
    longest: dict[str, float] = {}
    for reflector in followed:
        silent = reflector.silent_seconds
        if silent is not None:
            resource = _RESOURCES.take(reflector.resource)
            longest[resource] = max(silent, longest.get(resource, 0.0))
    for resource, seconds in longest.items():
        WATCH_SILENT.labels(resource).set(seconds)


def show_providers(configs: Mapping[str, Object]) -> None:
    """Whether each registered provider can be used."""
    PROVIDER_READY.clear()
    for name, config in configs.items():
        ready = (config.get("status") or {}).get("ready") is True
        PROVIDER_READY.labels(REGISTERED.take(name)).set(int(ready))
