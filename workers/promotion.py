"""A worker makes its own build the current one, where nobody else does that.

A plain Deployment of Kubernetes only replaces pods; it does not tell Temporal which build gets the runs. What
promotes (`AIRUNWAY_WORKER_PROMOTE`) is cautious about one thing: a build that was current before never pushes
itself in front again, so an old pod that restarts does not undo an upgrade, and a person's choice stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.workers.settings import Settings
from airunway.workers.version_routing import (
    UNVERSIONED,
    Polls,
    Routing,
    last_polls,
    read_routing,
    set_current,
)
from airunway.workers.version_settings import PromotePolicy
from airunway.workers.worker_version import WorkerVersion

_log = structlog.get_logger(__name__)

REGISTERING_SECONDS = 0.2
"""Between two looks until the first poll of this worker has made its build known."""
LOOK_SECONDS = 30.0
FRESH_POLL = timedelta(seconds=90)
"""A worker without work polls once a minute; one whose last poll is older has gone."""


class Abandonment:
    """Which builds nobody serves any more: none of their workers polls, and that for a while.

    The while is for Temporal, which forgets who polled when it restarts, and for workers that restart.
    """

    def __init__(self, after: timedelta, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._after, self._now = after, now
        self._missed_since: dict[str, datetime] = {}

    def is_served(self, build_id: str, polls: Polls) -> bool:
        """Whether a worker of a build has polled of late."""
        polled = polls.get(build_id)
        return polled is not None and self._now() - polled < FRESH_POLL

    def is_abandoned(self, build_id: str, polls: Polls) -> bool:
        """Whether a build is, going by who polled when; to be asked again and again."""
        if self.is_served(build_id, polls):
            self._missed_since.pop(build_id, None)
            return False
        now = self._now()
        return now - self._missed_since.setdefault(build_id, now) >= self._after


def why_promote(
    routing: Routing, build_id: str, policy: PromotePolicy, *, current_is_abandoned: bool
) -> str | None:
    """Why this build should become the current one, in words for the log; None: it should not."""
    mine = routing.build(build_id)
    if policy is PromotePolicy.NEVER or mine is None or routing.current == build_id:
        return None
    if routing.current == UNVERSIONED and not any(build.was_active for build in routing.builds):
        return "no build was current"
    if policy is PromotePolicy.NEW and not mine.was_active:
        return f"it is new; before it: {routing.current or 'workers without versions'}"
    if current_is_abandoned:
        return f"nobody serves {routing.current or 'runs without version'} any more, which was current"
    return None


class Promotion:
    """Looks after the routing of a worker deployment, on behalf of one build whose workers run here."""

    def __init__(
        self, client: Client, version: WorkerVersion, settings: Settings, *, task_queue: str
    ) -> None:
        self._client, self._version = client, version
        self._policy, self._task_queue = settings.worker_promote, task_queue
        self._abandonment = Abandonment(settings.worker_abandoned_after)
        self._said = ""
        self.settled = asyncio.Event()
        """It was decided once: runs have somewhere to begin, or this build waits for somebody's word."""

    async def run(self) -> None:
        """Promote when that is due, until cancelled. Does nothing for a worker without versions."""
        if not self._version.versioned:
            self.settled.set()
            return
        while True:
            try:
                if await self._look():
                    self.settled.set()
            except RPCError as err:
                self._refused(err)
            except Exception:  # the worker must not end with a fault of this one
                _log.exception("build not promoted; trying again")
            await asyncio.sleep(LOOK_SECONDS if self.settled.is_set() else REGISTERING_SECONDS)

    async def _look(self) -> bool:
        """Promote if it is due; false: this build is not known yet."""
        deployment, build_id = self._version.deployment, self._version.build_id
        routing = await read_routing(self._client, deployment)
        if routing is None or routing.build(build_id) is None:
            return False
        abandoned = False
        if routing.current != build_id:
            polls = await last_polls(self._client, deployment, self._task_queue)
            abandoned = self._abandonment.is_abandoned(routing.current, polls)
        why = why_promote(routing, build_id, self._policy, current_is_abandoned=abandoned)
        if why is not None:
            await set_current(self._client, deployment, build_id, token=routing.token)
            self._say("this build is current now", build=build_id, why=why)
        elif routing.current != build_id:
            self._say(
                "this build is not the current one; runs begin on it after `airunway versions set-current`",
                build=build_id,
                current=routing.current or "workers without versions",
            )
        return True

    def _refused(self, err: RPCError) -> None:
        if err.status is RPCStatusCode.PERMISSION_DENIED:
            self.settled.set()
            words = "this worker may not make its build current; somebody must: airunway versions set-current"
            self._say(words, build=self._version.build_id, error=err.message)
        else:  # somebody was faster, or Temporal is away: looked at again
            _log.debug("build not promoted; trying again", error=err.message)

    def _say(self, words: str, **facts: str) -> None:
        """Once, not at every look."""
        said = f"{words} {facts}"
        if said != self._said:
            self._said = said
            _log.info(words, **facts)
