"""Signals to deployment workflows: folded per deployment, never lost, a bounded number at a time.

Each deployment has a rate limit as well: what an upstream controller changes many times a second is folded
into few signals, because every signal is written into the deployment's history. All together have one, so
that Temporal and the workers are not hit by a whole fleet at once; within it what changed goes before what an
audit found.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import DEPLOYMENT_WORKFLOW, core_task_queue
from airunway.api.status import Phase
from airunway.clients.backoff import Backoff
from airunway.clients.errors import error_text
from airunway.clients.outages import OUTAGES, TEMPORAL
from airunway.clients.spans import SPANS
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint, DeploymentInput
from airunway.messages.refs import DeploymentRef
from airunway.messages.search_attributes import CLUSTER, MODEL, NAMESPACE, PHASE, attributes_at_start
from airunway.workers.rate_limit import RateLimit
from airunway.workers.settings import Settings

_log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 5.0
# A roll-out makes some ten changes within seconds, each of which should be seen at once; what goes on after
# that is seen twice a second.
BURST, INTERVAL_SECONDS = 12, 0.5
OVERALL_BURST, OVERALL_INTERVAL_SECONDS = 100, 0.02
OVERALL = "all deployments"
MAX_JITTER = 0.5
"""Part of a pause for the overall limit that is added at random."""


class SignalSender(Protocol):
    """Sends one signal. Raises RPCError or OSError when Temporal does not take it."""

    async def __call__(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        """Send it."""


class WorkflowSender:
    """Signal-with-start to the workflow of a deployment; a plain signal when the deployment is gone.

    `known`: names of the search attributes that the namespace has now; a run that sets another is refused.
    `model_of`: the model of a deployment; empty when nobody knows.
    """

    def __init__(
        self,
        client: Client,
        *,
        known: Callable[[], frozenset[str]],
        model_of: Callable[[DeploymentRef], str],
    ) -> None:
        self._client = client
        self._known = known
        self._model_of = model_of

    async def __call__(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        """Send it; nothing to do when a gone deployment has no workflow."""
        about = {
            "airunway.cluster": ref.cluster,
            "k8s.namespace.name": ref.namespace,
            "airunway.deployment": ref.name,
            "airunway.cause": hint.cause,
        }
        with SPANS.span("ChangeSeen", about):
            await (self._tell_end(ref, hint) if hint.gone else self._tell(ref, hint))

    async def _tell_end(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        try:
            await self._client.get_workflow_handle(ref.workflow_id).signal(OBJECT_CHANGED, hint)
        except RPCError as err:
            if err.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _tell(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        await self._client.start_workflow(
            DEPLOYMENT_WORKFLOW,
            DeploymentInput(ref=ref),
            id=ref.workflow_id,
            task_queue=core_task_queue(ref.cluster),
            start_signal=OBJECT_CHANGED,
            start_signal_args=[hint],
            search_attributes=self._attributes(ref),
            static_summary=f"ModelDeployment {ref}",
        )

    def _attributes(self, ref: DeploymentRef) -> TypedSearchAttributes:
        """Of a run that has not read anything yet."""
        first: dict[SearchAttributeKey[str], str] = {
            NAMESPACE: ref.namespace,
            CLUSTER: ref.cluster,
            MODEL: self._model_of(ref),
            PHASE: Phase.PENDING,
        }
        return attributes_at_start(first, self._known())


@dataclass(slots=True)
class _Waiting:
    hint: ChangeHint
    urgent: bool


class SignalQueue:
    """Hints waiting to be sent. A deployment has at most one waiting and one under way.

    `rate_limit`: of each deployment. `overall`: of all together, with the key `OVERALL`.
    """

    def __init__(
        self,
        send: SignalSender,
        *,
        at_once: int,
        rate_limit: RateLimit | None = None,
        overall: RateLimit | None = None,
    ) -> None:
        self._send = send
        self._at_once = at_once
        self._rate_limit = rate_limit or RateLimit(burst=BURST, interval=INTERVAL_SECONDS)
        self._overall = overall or RateLimit(burst=OVERALL_BURST, interval=OVERALL_INTERVAL_SECONDS)
        self._waiting: dict[DeploymentRef, _Waiting] = {}
        self._queue: list[tuple[bool, int, DeploymentRef]] = []
        """A heap: what is urgent first, then in the order of coming. An entry may be out of date."""
        self._numbers = itertools.count()
        self._entries = asyncio.Semaphore(0)
        self._line = asyncio.Lock()
        self._under_way: set[DeploymentRef] = set()
        self._backoff = Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS)
        self.sent = 0
        """Signals that Temporal took, since the process started."""
        self.folded = 0
        """Hints that needed no signal of their own."""

    @classmethod
    def from_settings(cls, send: SignalSender, settings: Settings) -> SignalQueue:
        """With the limits of the settings."""
        overall = RateLimit(burst=settings.signals_burst, interval=1 / settings.signals_per_second)
        return cls(send, at_once=settings.signals_at_once, overall=overall)

    def put(self, ref: DeploymentRef, hint: ChangeHint, *, urgent: bool = True) -> None:
        """Have a hint sent; folded into one that still waits. `urgent`: before all that is not."""
        before = self._waiting.get(ref)
        if before is None:
            self._waiting[ref] = _Waiting(hint, urgent)
            if ref not in self._under_way:
                self._enqueue(ref)
            return
        self.folded += 1
        was_urgent, before.urgent = before.urgent, before.urgent or urgent
        # The words of a change tell more than those of an audit that found the same.
        keeps_words = was_urgent and not urgent
        before.hint = hint.folded_with(before.hint) if keeps_words else before.hint.folded_with(hint)
        if before.urgent and not was_urgent and ref not in self._under_way:
            self._enqueue(ref)

    @property
    def depth(self) -> int:
        """Deployments whose signal waits to be sent."""
        return len(self._waiting)

    def is_busy_with(self, ref: DeploymentRef) -> bool:
        """Whether a signal of this deployment is waiting or under way."""
        return ref in self._waiting or ref in self._under_way

    def _enqueue(self, ref: DeploymentRef) -> None:
        loop = asyncio.get_running_loop()
        delay = self._rate_limit.delay(ref, loop.time())
        if delay:
            loop.call_later(delay, self._push, ref)
        else:
            self._push(ref)

    def _push(self, ref: DeploymentRef) -> None:
        if waiting := self._waiting.get(ref):
            heapq.heappush(self._queue, (not waiting.urgent, next(self._numbers), ref))
            self._entries.release()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._work())

    async def _next(self) -> DeploymentRef:
        """The most urgent deployment, once the overall limit allows another signal."""
        await self._entries.acquire()
        loop = asyncio.get_running_loop()
        async with self._line:
            if delay := self._overall.delay(OVERALL, loop.time()):
                await asyncio.sleep(delay * random.uniform(1, 1 + MAX_JITTER))
            self._overall.served(OVERALL, loop.time())
        return heapq.heappop(self._queue)[-1]

    async def _work(self) -> None:
        while True:
            ref = await self._next()
            if ref not in self._waiting or ref in self._under_way:
                continue  # an entry before the urgent one that took its place
            waiting = self._waiting.pop(ref)
            self._under_way.add(ref)
            self._rate_limit.served(ref, asyncio.get_running_loop().time())
            try:
                await self._send(ref, waiting.hint)
                self.sent += 1
                self._backoff.reset()
            except (RPCError, OSError) as err:
                await self._after_failure(ref, waiting, err)
            except Exception:
                _log.exception("signal not sent; it is tried again later", deployment=str(ref))
                # Without holding up the others: nothing says that waiting helps this one.
                put_again = partial(self.put, ref, waiting.hint, urgent=waiting.urgent)
                asyncio.get_running_loop().call_later(MAX_DELAY_SECONDS, put_again)
            finally:
                self._under_way.discard(ref)
            if ref in self._waiting:
                self._enqueue(ref)

    async def _after_failure(self, ref: DeploymentRef, failed: _Waiting, err: Exception) -> None:
        newer = self._waiting.get(ref)
        if newer is not None:
            failed = _Waiting(failed.hint.folded_with(newer.hint), failed.urgent or newer.urgent)
        self._waiting[ref] = failed
        delay = self._backoff.next_delay()
        text = error_text(err).splitlines()[0][:200]
        log = _log.bind(deployment=str(ref), error=text, retry_in_seconds=round(delay, 1))
        OUTAGES.suspect(TEMPORAL, partial(log.warning, "signal not sent; trying again"))
        await asyncio.sleep(delay)
