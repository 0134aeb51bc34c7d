"""Providers whose worker fell silent: their config says so until the worker heartbeats again.

A worker that stops in order says so itself (`workers.registration`). One that is killed cannot, so the
watcher checks the age of each heartbeat. Both write `ready` and the condition `WorkerAlive`, each under its
own field manager and by force: whoever speaks last is right. What is deployed already is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from pydantic import ValidationError

from airunway.api import names
from airunway.api.conditions import completed, condition, conditions_of, rfc3339
from airunway.api.heartbeat import last_heartbeat, oldest_alive
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.provider_worker import WORKER_ALIVE, worker_queue
from airunway.clients.errors import ApiError, Conflict, NotFound
from airunway.clients.kubernetes import CONFIGS, Cluster, Object

_log = structlog.get_logger(__name__)

ALIVE, EXPIRED = "HeartbeatReceived", "HeartbeatExpired"

SWEEPS_PER_LIMIT = 6


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def expired_status(config: Object, *, now: datetime, limit: timedelta) -> Object | None:
    """The status fields to write on a config whose worker fell silent; None when there is nothing to say.

    Only for a config of this system (it carries the task queue) that claims to be ready. A heartbeat that
    cannot be read counts as fresh, as it does in selection.
    """
    queue = worker_queue(config)
    try:
        parsed = InferenceProviderConfig.model_validate(config)
    except ValidationError:
        return None
    beat = last_heartbeat(parsed.status.last_heartbeat if parsed.status else None)
    if not queue or not parsed.ready or beat is None or beat >= oldest_alive(now, limit=limit):
        return None
    message = f"no heartbeat since {rfc3339(beat)}: the worker of task queue {queue} does not answer"
    silent = completed(condition(WORKER_ALIVE, "False", EXPIRED, message), conditions_of(config), now=now)
    return {"ready": False, "conditions": [silent.dump()]}


class HeartbeatSweep:
    """Checks all configs every now and then. Run one task of it, where the Lease is held.

    `configs`: as a watch last brought them; each write is refused where it missed something newer.
    """

    def __init__(
        self,
        cluster: Cluster,
        configs: Callable[[], Iterable[Object]],
        *,
        limit: timedelta,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._cluster = cluster
        self._configs = configs
        self._limit = limit
        self._now = now

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except ApiError as err:
                log = _log.bind(error=str(err)[:200])
                self._cluster.outage.suspect(partial(log.warning, "heartbeats not checked; trying again"))
            except Exception:
                _log.exception("heartbeats not checked; trying again")
            await asyncio.sleep(self._limit.total_seconds() / SWEEPS_PER_LIMIT)

    async def sweep(self) -> list[str]:
        """One sweep; answers the providers that were found silent. Raises ApiError."""
        silent = []
        for config in list(self._configs()):
            status = expired_status(config, now=self._now(), limit=self._limit)
            if status is not None and await self._write(config, status):
                silent.append(config["metadata"]["name"])
        return silent

    async def _write(self, config: Object, status: Object) -> bool:
        """False when something came in between: the next sweep will show what."""
        meta = config["metadata"]
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.CONFIG_KIND,
            "metadata": {"name": meta["name"], "resourceVersion": meta["resourceVersion"]},
            "status": status,
        }
        try:
            await self._cluster.apply(
                CONFIGS, body, field_manager=names.HEARTBEAT_FIELD_MANAGER, subresource="status"
            )
        except (Conflict, NotFound):
            return False
        _log.warning(
            "a provider's worker is silent", provider=meta["name"], last=config["status"]["lastHeartbeat"]
        )
        return True
