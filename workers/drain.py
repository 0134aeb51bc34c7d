"""A worker that was told to stop goes on for its pinned runs, as long as its build is not the current one.

So a plain Deployment drains: its old pods end when their runs have moved to the new build. Nothing waits when
the same build starts again, because its runs find a worker at once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from airunway.workers.version_routing import UNVERSIONED, read_routing
from airunway.workers.worker_version import WorkerVersion

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
EMPTY_LOOKS = 3
"""In a row, until a build counts as drained: visibility is some moments behind."""


def pinned_runs_query(version: WorkerVersion) -> str:
    """Visibility query: open runs that are pinned to this build."""
    return f"TemporalWorkerDeploymentVersion = '{version.search_value}' AND ExecutionStatus = 'Running'"


async def until_drained(
    client: Client, version: WorkerVersion, *, limit: timedelta, look_seconds: float = LOOK_SECONDS
) -> None:
    """Return when no open run is pinned to this build, when it is current itself, or after the limit."""
    if not version.versioned:
        return
    try:
        async with asyncio.timeout(limit.total_seconds()):
            empty, said = 0, False
            while empty < EMPTY_LOOKS:
                left = await _left(client, version)
                if left is None:
                    return
                if left and not said:
                    said = True
                    _log.info("draining: open runs are pinned to this build", runs=left, limit=str(limit))
                empty = 0 if left else empty + 1
                await asyncio.sleep(look_seconds)
            _log.info("drained: no open run is pinned to this build", build=version.build_id)
    except TimeoutError:
        _log.warning("not drained within the limit; the runs are moved when this build is missed")


async def _left(client: Client, version: WorkerVersion) -> int | None:
    """How many runs are left; None: there is no other build that they could move to."""
    try:
        routing = await read_routing(client, version.deployment)
        if routing is None or routing.current in (UNVERSIONED, version.build_id):
            return None
        return (await client.count_workflows(pinned_runs_query(version))).count
    except RPCError:
        return 1  # not known; within the limit it is asked again
