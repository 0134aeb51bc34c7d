"""Signals to deployment workflows: folded per deployment, never lost, a bounded number at a time.

Each deployment has a rate limit as well: what an upstream controller changes many times a second is folded
into few signals, because every signal is written into the deployment's history.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import CORE_TASK_QUEUE, deployment_workflow_id
from airunway.api.status import Phase
from airunway.clients.backoff import Backoff
from airunway.clients.errors import error_text
from airunway.messages.deployment import DeploymentRef
from airunway.messages.deployment_workflow import NAMESPACE, PHASE, DeploymentInput, LookAgain
from airunway.workers.rate_limit import RateLimit

_log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 30.0
# A roll-out makes some ten changes within seconds, each of which should be seen at once; what goes on after
# that is seen twice a second.
BURST, INTERVAL_SECONDS = 12, 0.5

Key = tuple[str, str]


class SignalSender(Protocol):
    """Sends one signal. Raises RPCError or OSError when Temporal does not take it."""

    async def __call__(self, ref: DeploymentRef, hint: LookAgain) -> None:
        """Send it."""


class WorkflowSender:
    """Signal-with-start to the workflow of a deployment; a plain signal when the deployment is gone."""

    def __init__(self, client: Client, *, search_attributes: bool) -> None:
        self._client = client
        self._search_attributes = search_attributes

    async def __call__(self, ref: DeploymentRef, hint: LookAgain) -> None:
        """Send it; nothing to do when a gone deployment has no workflow."""
        workflow_id = deployment_workflow_id(ref.namespace, ref.name)
        if hint.gone:
            try:
                await self._client.get_workflow_handle(workflow_id).signal("look_again", hint)
            except RPCError as err:
                if err.status is not RPCStatusCode.NOT_FOUND:
                    raise
            return
        attributes = None
        if self._search_attributes:
            attributes = TypedSearchAttributes(
                [SearchAttributePair(NAMESPACE, ref.namespace), SearchAttributePair(PHASE, Phase.PENDING)]
            )
        await self._client.start_workflow(
            "ModelDeploymentWorkflow",
            DeploymentInput(ref=ref, search_attributes=self._search_attributes),
            id=workflow_id,
            task_queue=CORE_TASK_QUEUE,
            start_signal="look_again",
            start_signal_args=[hint],
            search_attributes=attributes,
            static_summary=f"ModelDeployment {ref}",
        )


class SignalQueue:
    """Hints waiting to be sent. A deployment has at most one waiting and one under way."""

    def __init__(self, send: SignalSender, *, at_once: int, rate_limit: RateLimit | None = None) -> None:
        self._send = send
        self._at_once = at_once
        self._rate_limit = rate_limit or RateLimit(burst=BURST, interval=INTERVAL_SECONDS)
        self._waiting: dict[Key, LookAgain] = {}
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._under_way: set[Key] = set()
        self._backoff = Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS)

    def put(self, ref: DeploymentRef, hint: LookAgain) -> None:
        """Have a hint sent; folded into one that still waits."""
        key = (ref.namespace, ref.name)
        before = self._waiting.get(key)
        self._waiting[key] = hint if before is None else before.folded_with(hint)
        if before is None and key not in self._under_way:
            self._enqueue(key)

    def _enqueue(self, key: Key) -> None:
        loop = asyncio.get_running_loop()
        delay = self._rate_limit.delay(key, loop.time())
        if delay:
            loop.call_later(delay, self._queue.put_nowait, key)
        else:
            self._queue.put_nowait(key)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            hint = self._waiting.pop(key)
            self._under_way.add(key)
            self._rate_limit.served(key, asyncio.get_running_loop().time())
            ref = DeploymentRef(namespace=key[0], name=key[1])
            try:
                await self._send(ref, hint)
                self._backoff.reset()
            except (RPCError, OSError) as err:
                await self._after_failure(ref, hint, err)
            finally:
                self._under_way.discard(key)
            if key in self._waiting:
                self._enqueue(key)

    async def _after_failure(self, ref: DeploymentRef, hint: LookAgain, err: Exception) -> None:
        key = (ref.namespace, ref.name)
        newer = self._waiting.get(key)
        self._waiting[key] = hint if newer is None else hint.folded_with(newer)
        delay = self._backoff.next_delay()
        _log.warning(
            "signal not sent; trying again",
            deployment=str(ref),
            error=error_text(err).splitlines()[0][:200],
            retry_in_seconds=round(delay, 1),
        )
        await asyncio.sleep(delay)
