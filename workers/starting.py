"""What a process says of itself when it starts, in one line, and in its metrics and further lines."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from airunway.metrics.families import BUILD_INFO
from airunway.metrics.registry import EXPOSITION
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of
from airunway.workers.version import installed_version

_log = structlog.get_logger(__name__)


def say_start(role: str, settings: Settings, *, queues: Sequence[str] = (), temporal: bool = True) -> None:
    """Say what starts: version, cluster, Temporal, task queues. Raises InvalidConnection.

    `temporal`: whether it has to do with it; `settings.cluster` may be empty where the process needs no name.
    """
    version = installed_version()
    said: dict[str, object] = {"role": role, "version": version}
    if settings.cluster:
        said["cluster"] = EXPOSITION.cluster = settings.cluster
        structlog.contextvars.bind_contextvars(cluster=settings.cluster)
    if temporal:
        target = target_of(settings)
        said |= {"temporal": target.address, "temporal_namespace": target.namespace}
    if queues:
        said["queues"] = list(queues)
    BUILD_INFO.labels(version, role).set(1)
    _log.info(f"{role} starts", **said)
