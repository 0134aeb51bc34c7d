"""Signals: folded per deployment, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.service import RPCError, RPCStatusCode

from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.workers import signal_queue
from airunway.workers.rate_limit import RateLimit
from airunway.workers.signal_queue import SignalQueue

REF = DeploymentRef(cluster="here", namespace="ml", name="chat")
OTHER = DeploymentRef(cluster="here", namespace="ml", name="other")


class Inbox:
    """Takes signals; `gate` closed, a send waits; `errors` are raised first."""

    def __init__(self) -> None:
        self.got: list[tuple[str, ChangeHint]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.errors: list[Exception] = []
        self._changed = asyncio.Event()

    async def __call__(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        self.started.set()
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.got.append((ref.name, hint))
        self._changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(90):
            while len(self.got) < count:
                self._changed.clear()
                await self._changed.wait()


async def running(
    inbox: Inbox,
    story: Callable[[SignalQueue], Awaitable[None]],
    *,
    rate_limit: RateLimit | None = None,
    overall: RateLimit | None = None,
) -> None:
    signals = SignalQueue(inbox, at_once=2, rate_limit=rate_limit, overall=overall)
    task = asyncio.create_task(signals.run())
    try:
        await story(signals)
    finally:
        task.cancel()


async def test_what_waits_behind_a_signal_under_way_is_folded_into_one() -> None:
    inbox = Inbox()
    inbox.gate.clear()

    async def story(signals: SignalQueue) -> None:
        signals.put(REF, ChangeHint(cause="first", uid="u", generation=1))
        await inbox.started.wait()
        for generation in range(2, 52):
            signals.put(REF, ChangeHint(cause=f"generation {generation}", uid="u", generation=generation))
        inbox.gate.set()
        await inbox.until(2)

    await running(inbox, story)

    assert [hint.generation for _, hint in inbox.got] == [1, 51]


async def test_one_deployment_does_not_wait_for_another() -> None:
    inbox = Inbox()

    async def story(signals: SignalQueue) -> None:
        signals.put(REF, ChangeHint(cause="a"))
        signals.put(OTHER, ChangeHint(cause="b"))
        await inbox.until(2)

    await running(inbox, story)

    assert {name for name, _ in inbox.got} == {"chat", "other"}


async def test_a_signal_that_could_not_be_sent_is_sent_again() -> None:
    inbox = Inbox()
    inbox.errors = [RPCError("unavailable", RPCStatusCode.UNAVAILABLE, b""), OSError("reset")]

    async def story(signals: SignalQueue) -> None:
        signals.put(REF, ChangeHint(cause="generation 3", uid="u", generation=3))
        await inbox.until(1)

    await running(inbox, story)

    assert inbox.got[0][1].generation == 3


async def test_an_upstream_object_that_never_rests_does_not_fill_the_history() -> None:
    inbox = Inbox()

    async def story(signals: SignalQueue) -> None:
        for number in range(200):
            signals.put(REF, ChangeHint(cause=f"change {number}", upstream_only=True))
            await asyncio.sleep(0)
        signals.put(OTHER, ChangeHint(cause="another deployment"))
        await inbox.until(3)

    # given a rate_limit at which the third signal of a deployment is an hour away
    await running(inbox, story, rate_limit=RateLimit(burst=2, interval=3600))

    assert [name for name, _ in inbox.got] == ["chat", "chat", "other"]


async def test_what_came_during_a_backoff_is_sent_after_it() -> None:
    inbox = Inbox()

    async def story(signals: SignalQueue) -> None:
        for generation in range(1, 6):
            signals.put(REF, ChangeHint(cause="edit", uid="u", generation=generation))
            await asyncio.sleep(0)
        await inbox.until(2)

    await running(inbox, story, rate_limit=RateLimit(burst=1, interval=0.05))

    assert [hint.generation for _, hint in inbox.got][-1] == 5


async def test_what_changed_does_not_wait_behind_what_an_audit_found() -> None:
    inbox = Inbox()
    inbox.gate.clear()

    async def story(signals: SignalQueue) -> None:
        for number in range(300):
            signals.put(numbered(number), ChangeHint(cause="found", by="fleet audit"), urgent=False)
        await inbox.started.wait()
        signals.put(REF, ChangeHint(cause="deployment seen"))
        inbox.gate.set()
        await inbox.until(10)

    await running(inbox, story)

    assert "chat" in [name for name, _ in inbox.got[:4]], "only those that were under way are before it"


async def test_a_change_makes_urgent_what_an_audit_found_before() -> None:
    inbox = Inbox()
    inbox.gate.clear()

    async def story(signals: SignalQueue) -> None:
        for number in range(300):
            signals.put(numbered(number), ChangeHint(cause="found", by="fleet audit"), urgent=False)
        signals.put(REF, ChangeHint(cause="found", by="fleet audit"), urgent=False)
        await inbox.started.wait()
        signals.put(REF, ChangeHint(cause="generation 2", uid="u", generation=2))
        signals.put(REF, ChangeHint(cause="found", by="fleet audit"), urgent=False)
        inbox.gate.set()
        await inbox.until(301)

    await running(inbox, story, overall=RateLimit(burst=1000, interval=0.001))

    assert [hint for name, hint in inbox.got[:4] if name == "chat"] == [
        ChangeHint(cause="generation 2", uid="u", generation=2)
    ]
    assert [name for name, _ in inbox.got].count("chat") == 1


async def test_all_deployments_together_have_a_limit() -> None:
    inbox = Inbox()

    async def story(signals: SignalQueue) -> None:
        for number in range(50):
            signals.put(numbered(number), ChangeHint(cause="seen"))
        await inbox.until(5)
        for _ in range(100):
            await asyncio.sleep(0)

    # given a limit at which the sixth signal of all is an hour away
    await running(inbox, story, overall=RateLimit(burst=5, interval=3600))

    assert len(inbox.got) == 5


async def test_it_counts_what_it_sent_and_what_shared_a_signal() -> None:
    inbox = Inbox()
    inbox.gate.clear()

    async def story(signals: SignalQueue) -> None:
        signals.put(REF, ChangeHint(cause="first"))
        await inbox.started.wait()
        for _ in range(3):
            signals.put(REF, ChangeHint(cause="more"))
        assert signals.is_busy_with(REF)
        inbox.gate.set()
        await inbox.until(2)
        while signals.is_busy_with(REF):
            await asyncio.sleep(0)
        assert (signals.sent, signals.folded) == (2, 2)

    await running(inbox, story)


def numbered(number: int) -> DeploymentRef:
    return DeploymentRef(cluster="here", namespace="ml", name=f"deployment-{number}")


def test_folding_keeps_what_is_known_of_the_deployment() -> None:
    seen = ChangeHint(cause="generation 4", uid="u", generation=4)
    upstream = ChangeHint(cause="Workspace changed", upstream_only=True)

    assert seen.folded_with(upstream) == ChangeHint(cause="Workspace changed", uid="u", generation=4)
    assert upstream.folded_with(upstream).upstream_only
    gone = ChangeHint(cause="gone", uid="u", deleted=True, gone=True)
    assert gone.folded_with(ChangeHint(cause="seen", uid="v", generation=1)).gone is False


async def test_a_signal_that_fails_as_nobody_thought_of_holds_up_nothing_and_is_sent_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_queue, "MAX_DELAY_SECONDS", 0.05)
    inbox = Inbox()
    inbox.errors = [ValueError("cannot be encoded"), ValueError("nor this")]

    async def story(signals: SignalQueue) -> None:
        signals.put(REF, ChangeHint(cause="a"))
        signals.put(OTHER, ChangeHint(cause="b"))
        await inbox.until(2)

    await running(inbox, story)

    assert sorted(name for name, _ in inbox.got) == ["chat", "other"]
