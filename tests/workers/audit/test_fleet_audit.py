"""The audit as a whole: whom it signals, how often, and what it costs with many deployments."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.workers.audit import fleet_audit
from airunway.workers.audit.fleet import Fleet, KnownDeployment
from airunway.workers.audit.fleet_audit import FleetAudit
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.signal_queue import SignalQueue
from tests.workers.audit.objects import PROVIDERS, RUNNING, deployment, fleet_of, known, put, ref_of, server


class Taken(SignalQueue):
    """Keeps what is put, and sends nothing. `busy`: deployments that have a signal under way."""

    def __init__(self) -> None:
        super().__init__(_nowhere, at_once=1)
        self.hints: list[tuple[str, ChangeHint, bool]] = []
        self.busy: set[DeploymentRef] = set()

    def put(self, ref: DeploymentRef, hint: ChangeHint, *, urgent: bool = True) -> None:
        self.hints.append((ref.name, hint, urgent))

    def is_busy_with(self, ref: DeploymentRef) -> bool:
        return ref in self.busy

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.hints]


async def _nowhere(ref: DeploymentRef, hint: ChangeHint) -> None:
    raise AssertionError("nothing is sent here")


def audit_of(fleet: Fleet, signals: SignalQueue, *, minutes: float = 5) -> FleetAudit:
    metrics = FleetMetrics()
    return FleetAudit(fleet, PROVIDERS, signals, every=timedelta(minutes=minutes), metrics=metrics)


def settled_fleet(count: int) -> Fleet:
    """Of deployments that run as their status says."""
    fleet = fleet_of([])
    for number in range(count):
        name = f"chat-{number}"
        provider = {"name": "acme", "resourceName": name, "resourceKind": "Server"}
        status: dict[str, Any] = {
            **RUNNING,
            "provider": provider,
            "endpoint": {"service": name, "port": 80},
            "conditions": [],
        }
        fleet.deployments[ref_of(name)] = known(deployment(name, status=status))
        put(fleet, server(name), name)
    return fleet


async def test_settled_deployments_are_left_alone_at_the_start_and_later() -> None:
    fleet, signals = settled_fleet(1_000), Taken()
    audit = audit_of(fleet, signals)

    assert [await audit.audit() for _ in range(3)] == [0, 0, 0]
    assert signals.hints == []


async def test_only_those_that_differ_are_signalled() -> None:
    fleet, signals = settled_fleet(50), Taken()
    fleet.drop_upstream("server-chat-7")
    edited = deployment("chat-9", generation=2)
    fleet.deployments[ref_of("chat-9")] = known(edited)

    await audit_of(fleet, signals).audit()

    assert {name: (hint.by, hint.cause, urgent) for name, hint, urgent in signals.hints} == {
        "chat-7": ("fleet audit", "Server chat-7 is gone", False),
        "chat-9": ("fleet audit", "generation 2, its status is of 1", True),
    }


async def test_one_that_cannot_be_compared_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, signals = fleet_of([deployment("odd"), deployment("gone")]), Taken()
    compare = fleet_audit.difference

    def odd(known: KnownDeployment, *args: Any, **kwargs: Any) -> Any:
        if known.mark.uid == "uid-odd":
            raise TypeError("odd")
        return compare(known, *args, **kwargs)

    monkeypatch.setattr(fleet_audit, "difference", odd)

    await audit_of(fleet, signals).audit()

    assert {name: hint.cause for name, hint, _ in signals.hints} == {
        "odd": "it cannot be compared: TypeError('odd')",
        "gone": "Server chat is gone",
    }


async def test_what_has_just_changed_is_left_to_its_own_signal() -> None:
    now = asyncio.get_running_loop().time()
    fleet, signals = settled_fleet(0), Taken()
    fleet.deployments[ref_of("new")] = known(deployment("new", status=None), changed_at=now)
    fleet.deployments[ref_of("old")] = known(deployment("old", status=None), changed_at=now - 60)
    fleet.deployments[ref_of("busy")] = known(deployment("busy", status=None))
    signals.busy.add(ref_of("busy"))

    await audit_of(fleet, signals).audit()

    assert signals.names == ["old"]


async def test_what_nobody_can_repair_is_not_signalled_by_every_audit() -> None:
    fleet, signals = fleet_of([deployment()]), Taken()
    audit = audit_of(fleet, signals)

    for _ in range(5):
        await audit.audit()

    assert signals.names == ["chat"]
    assert audit.unanswered == {ref_of(): "Server chat is gone"}

    put(fleet, server(), "chat")
    await audit.audit()
    assert audit.unanswered == {}


async def test_an_audit_of_many_lets_others_have_their_turn() -> None:
    fleet, signals = await asyncio.to_thread(settled_fleet, 2_000), Taken()
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(somebody_else())
    await audit_of(fleet, signals).audit()
    task.cancel()

    assert turns >= 4


async def test_it_begins_when_all_deployments_are_known() -> None:
    fleet, signals = fleet_of([deployment()]), Taken()
    fleet.are_deployments_listed = asyncio.Event()
    task = asyncio.create_task(audit_of(fleet, signals).run())
    await asyncio.sleep(0)
    assert signals.names == []

    fleet.are_deployments_listed.set()
    async with asyncio.timeout(60):
        while not signals.names:
            await asyncio.sleep(0)

    task.cancel()
    assert signals.names == ["chat"]
