"""Signals to deployment workflows: folded per deployment, never lost, a bounded number at a time.

Each deployment has a rate limit as well: what an upstream controller changes many times a second is folded
into few signals, because every signal is written into the deployment's history.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

import structlog
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import core_task_queue
from airunway.api.status import Phase
from airunway.clients.backoff import Backoff
from airunway.clients.errors import error_text
from airunway.messages.deployment_workflow import (
    DEPLOYMENT_WORKFLOW,
    NAMESPACE,
    OBJECT_CHANGED,
    PHASE,
    ChangeHint,
    DeploymentInput,
)
from airunway.messages.refs import DeploymentRef
from airunway.workers.rate_limit import RateLimit
from airunway.workers.temporal.search_attributes import OURS, SearchAttributes
from airunway.workers.temporal_outage import suspect_temporal

_log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 5.0
# A roll-out makes some ten changes within seconds, each of which should be seen at once; what goes on after
# that is seen twice a second.
BURST, INTERVAL_SECONDS = 12, 0.5


class SignalSender(Protocol):
    """Sends one signal. Raises RPCError or OSError when Temporal does not take it."""

    async def __call__(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        """Send it."""


class WorkflowSender:
    """Signal-with-start to the workflow of a deployment; a plain signal when the deployment is gone."""

    def __init__(self, client: Client, search_attributes: SearchAttributes) -> None:
        self._client = client
        self._search_attributes = search_attributes

    async def __call__(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        """Send it; nothing to do when a gone deployment has no workflow."""
        if hint.gone:
            try:
                await self._client.get_workflow_handle(ref.workflow_id).signal(OBJECT_CHANGED, hint)
            except RPCError as err:
                if err.status is not RPCStatusCode.NOT_FOUND:
                    raise
            return
        known = self._search_attributes.known
        first = ((NAMESPACE, ref.namespace), (PHASE, Phase.PENDING))
        attributes = [SearchAttributePair(key, value) for key, value in first if key.name in known]
        await self._client.start_workflow(
            DEPLOYMENT_WORKFLOW,
            DeploymentInput(ref=ref, search_attributes=known >= set(OURS)),
            id=ref.workflow_id,
            task_queue=core_task_queue(ref.cluster),
            start_signal=OBJECT_CHANGED,
            start_signal_args=[hint],
            search_attributes=TypedSearchAttributes(attributes),
            static_summary=f"ModelDeployment {ref}",
        )


class SignalQueue:
    """Hints waiting to be sent. A deployment has at most one waiting and one under way."""

    def __init__(self, send: SignalSender, *, at_once: int, rate_limit: RateLimit | None = None) -> None:
        self._send = send
        self._at_once = at_once
        self._rate_limit = rate_limit or RateLimit(burst=BURST, interval=INTERVAL_SECONDS)
        self._waiting: dict[DeploymentRef, ChangeHint] = {}
        self._queue: asyncio.Queue[DeploymentRef] = asyncio.Queue()
        self._under_way: set[DeploymentRef] = set()
        self._backoff = Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS)

    def put(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        """Have a hint sent; folded into one that still waits."""
        before = self._waiting.get(ref)
        self._waiting[ref] = hint if before is None else before.folded_with(hint)
        if before is None and ref not in self._under_way:
            self._enqueue(ref)

    def _enqueue(self, ref: DeploymentRef) -> None:
        loop = asyncio.get_running_loop()
        delay = self._rate_limit.delay(ref, loop.time())
        if delay:
            loop.call_later(delay, self._queue.put_nowait, ref)
        else:
            self._queue.put_nowait(ref)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            ref = await self._queue.get()
            hint = self._waiting.pop(ref)
            self._under_way.add(ref)
            self._rate_limit.served(ref, asyncio.get_running_loop().time())
            try:
                await self._send(ref, hint)
                self._backoff.reset()
            except (RPCError, OSError) as err:
                await self._after_failure(ref, hint, err)
            except Exception:
                _log.exception("signal not sent; it is tried again later", deployment=str(ref))
                # Without holding up the others: nothing says that waiting helps this one.
                asyncio.get_running_loop().call_later(MAX_DELAY_SECONDS, self.put, ref, hint)
            finally:
                self._under_way.discard(ref)
            if ref in self._waiting:
                self._enqueue(ref)

    async def _after_failure(self, ref: DeploymentRef, hint: ChangeHint, err: Exception) -> None:
        newer = self._waiting.get(ref)
        self._waiting[ref] = hint if newer is None else hint.folded_with(newer)
        delay = self._backoff.next_delay()
        text = error_text(err).splitlines()[0][:200]
        log = _log.bind(deployment=str(ref), error=text, retry_in_seconds=round(delay, 1))
        suspect_temporal(partial(log.warning, "signal not sent; trying again"))
        await asyncio.sleep(delay)
