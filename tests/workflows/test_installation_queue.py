"""Requests to one provider's installation: in turn, together where they are the same, and bounded."""

from __future__ import annotations

import asyncio

from airunway.api.names import core_task_queue
from airunway.messages.installation import (
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    REPAIR_RELEASE,
    InstallationRequest,
    Operation,
    PreflightRequest,
)
from airunway.messages.installation_workflow import MAX_LINES, MAX_OUTCOMES, MAX_STEPS, REQUEST_INSTALLATION
from airunway.workflows.provider_installation.workflow import MAX_HISTORY_EVENTS
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow
from tests.workflows.installer_world import (
    INSTALL,
    UNINSTALL,
    InstallerWorld,
    final,
)


async def test_two_that_ask_for_the_same_share_one_installation(installer: InstallerWorld) -> None:
    first, gate = await installer.held_at(INSTALL_CHART)
    second = await installer.ask()
    gate.set()

    assert (await installer.outcome(first)).succeeded
    assert (await installer.outcome(second)).succeeded
    assert installer.calls == [*INSTALL, PREFLIGHT.name]
    assert (await installer.outcome(second)).changed


async def test_who_asks_while_it_is_installed_gets_what_the_config_says_by_then(
    installer: InstallerWorld,
) -> None:
    _, gate = await installer.held_at(AWAIT_OPERATOR)
    installer.wanted = 2  # the config changed after the installation had read it
    second = await installer.ask()
    gate.set()

    assert (await installer.outcome(second)).succeeded
    assert installer.revision == 2


async def test_another_operation_waits_for_its_turn(installer: InstallerWorld) -> None:
    install, gate = await installer.held_at(AWAIT_OPERATOR)
    uninstall = await installer.ask(Operation.UNINSTALL)
    gate.set()

    assert (await installer.outcome(install)).succeeded
    assert (await installer.outcome(uninstall)).succeeded
    assert installer.calls == [*INSTALL, *UNINSTALL]
    assert installer.revision == 0
    assert installer.max_running == 1


async def test_an_uninstall_of_nothing_is_done(installer: InstallerWorld) -> None:
    outcome = await installer.outcome(await installer.ask(Operation.UNINSTALL))

    assert outcome.succeeded
    assert not outcome.changed


async def test_a_repair_changes_nothing_else(installer: InstallerWorld) -> None:
    installer.revision = 1

    assert (await installer.outcome(await installer.ask(Operation.REPAIR))).succeeded
    assert installer.calls == [PREFLIGHT.name, REPAIR_RELEASE.name]


async def test_a_new_request_takes_the_place_of_one_that_failed(installer: InstallerWorld) -> None:
    installer.errors[PREFLIGHT.name] = [final()]
    await installer.outcome(await installer.ask())

    second = await installer.ask()

    assert (await installer.outcome(second)).succeeded


async def test_a_request_delivered_twice_is_done_once(installer: InstallerWorld) -> None:
    gate = installer.gates[PREFLIGHT.name] = asyncio.Event()
    first = await installer.ask()
    again = (await installer.view()).request
    await installer.until(lambda: bool(installer.calls))
    await installer.handle.signal(REQUEST_INSTALLATION, again)
    gate.set()

    assert (await installer.outcome(first)).succeeded
    assert installer.calls == INSTALL


async def test_a_long_history_is_continued_with_what_is_asked_and_who_waits(
    installer: InstallerWorld,
) -> None:
    waiter, gate = await installer.waiter(), asyncio.Event()
    installer.gates[FINISH_UNINSTALL.name] = gate
    uninstall = await installer.ask(Operation.UNINSTALL)
    await installer.until(lambda: FINISH_UNINSTALL.name in installer.calls)
    await installer.join(waiter)
    first = (await installer.handle.describe()).run_id
    again = (await installer.view()).request
    for _ in range(MAX_HISTORY_EVENTS // 100 + 1):
        await asyncio.gather(*(installer.handle.signal(REQUEST_INSTALLATION, again) for _ in range(100)))
    gate.set()

    assert await installer.reports(waiter) == [True]
    assert (await installer.outcome(uninstall)).succeeded
    assert (await installer.handle.describe()).run_id != first
    assert installer.calls == [*UNINSTALL, *INSTALL]


async def test_requests_without_an_id_are_different_ones(installer: InstallerWorld) -> None:
    waiter = await installer.waiter()
    gate = installer.gates[AWAIT_OPERATOR.name] = asyncio.Event()
    await installer.join(waiter)
    await installer.until(lambda: AWAIT_OPERATOR.name in installer.calls)
    nameless = InstallationRequest(provider=installer.provider, operation=Operation.UNINSTALL)
    await installer.handle.signal(REQUEST_INSTALLATION, nameless)
    gate.set()

    await installer.handle.result()

    assert installer.calls == [*INSTALL, *UNINSTALL]


async def test_a_plan_only_reads(installer: InstallerWorld) -> None:
    request = await installer.ask()
    await installer.outcome(request)

    answer = await installer.env.client.execute_workflow(
        ProviderPlanWorkflow.run,
        PreflightRequest(request=InstallationRequest(provider=installer.provider), with_diff=True),
        id=f"plan-{request}",
        task_queue=core_task_queue("here"),
    )

    assert answer.installed
    assert installer.calls == [*INSTALL, PREFLIGHT.name]


async def test_progress_is_bounded(installer: InstallerWorld) -> None:
    for _ in range(30):
        installer.wanted = installer.revision + 1
        await installer.outcome(await installer.ask())

    view = await installer.view()
    assert len(view.lines) <= MAX_LINES
    assert len(view.steps) <= MAX_STEPS
    assert len(view.outcomes) <= MAX_OUTCOMES
