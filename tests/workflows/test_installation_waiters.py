"""Who waits for a provider's installation, and what is reported to them."""

from __future__ import annotations

import asyncio

from airunway.messages.installation import (
    APPLY_CRDS,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    UNINSTALL_CHART,
    Operation,
)
from tests.workflows.installer_world import (
    INSTALL,
    InstallerWorld,
    final,
)


async def test_those_who_wait_are_notified_of_success(installer: InstallerWorld) -> None:
    one, two = await installer.waiter(), await installer.waiter()
    gate = installer.gates[INSTALL_CHART.name] = asyncio.Event()

    await installer.join(one)
    await installer.until(lambda: INSTALL_CHART.name in installer.calls)
    await installer.join(two)
    gate.set()

    assert await installer.reports(one) == [True]
    assert await installer.reports(two) == [True]
    assert installer.calls == INSTALL


async def test_those_who_wait_are_notified_of_a_failure_and_of_a_later_success(
    installer: InstallerWorld,
) -> None:
    waiter = await installer.waiter()
    installer.errors[INSTALL_CHART.name] = [final()]

    await installer.join(waiter)
    assert await installer.reports(waiter) == [False]
    await installer.join(waiter, again=True)

    assert await installer.reports(waiter, 2) == [False, True]


async def test_who_joins_a_failed_installation_is_notified_at_once(installer: InstallerWorld) -> None:
    installer.errors[INSTALL_CHART.name] = [final()]
    await installer.outcome(await installer.ask())
    waiter = await installer.waiter()

    await installer.join(waiter)

    assert await installer.reports(waiter) == [False]
    assert installer.calls == INSTALL[:3]


async def test_one_who_waited_and_is_gone_stops_nobody(installer: InstallerWorld) -> None:
    gone, there = await installer.waiter(), await installer.waiter()
    gate = installer.gates[PREFLIGHT.name] = asyncio.Event()
    await installer.join(gone)
    await installer.join(there)
    await gone.terminate()
    gate.set()

    assert await installer.reports(there) == [True]


async def test_who_needs_the_provider_while_it_is_uninstalled_gets_it_installed(
    installer: InstallerWorld,
) -> None:
    installer.revision, gate = 1, asyncio.Event()
    installer.gates[UNINSTALL_CHART.name] = gate
    await installer.ask(Operation.UNINSTALL)
    await installer.until(lambda: UNINSTALL_CHART.name in installer.calls)
    waiter = await installer.waiter()

    await installer.join(waiter)
    gate.set()

    assert await installer.reports(waiter) == [True]
    assert installer.revision == 1


async def test_who_waits_for_an_installation_is_not_notified_of_the_uninstall_before_it(
    installer: InstallerWorld,
) -> None:
    installer.revision, gate = 1, asyncio.Event()
    installer.gates[UNINSTALL_CHART.name], installer.errors[FINISH_UNINSTALL.name] = gate, [final()]
    await installer.ask(Operation.UNINSTALL)
    await installer.until(lambda: UNINSTALL_CHART.name in installer.calls)
    waiter = await installer.waiter()

    await installer.join(waiter)
    gate.set()

    assert await installer.reports(waiter) == [True]


async def test_who_waits_is_notified_of_the_attempt_that_took_the_place_of_a_failed_one(
    installer: InstallerWorld,
) -> None:
    waiter, gate = await installer.waiter(), asyncio.Event()
    installer.gates[APPLY_CRDS.name], installer.errors[INSTALL_CHART.name] = gate, [final()]
    await installer.join(waiter)
    await installer.until(lambda: APPLY_CRDS.name in installer.calls)
    await installer.ask(values_version="2")
    gate.set()

    assert (await installer.reports(waiter, 2))[-1]
