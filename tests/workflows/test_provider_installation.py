"""ProviderInstallationWorkflow: order, failures at each step, cancel, retry, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from airunway.api.names import CORE_TASK_QUEUE
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    REPAIR_RELEASE,
    UNINSTALL_CHART,
    InstallationRequest,
    Operation,
    PreflightRequest,
)
from airunway.messages.installation_workflow import MAX_LINES, MAX_OUTCOMES, MAX_STEPS, InstallationStage
from airunway.workflows.provider_installation.workflow import LONG_HISTORY
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow
from tests.workflows.installer_world import InstallerWorld, core_worker, final, installer_worker, passing

INSTALL = [PREFLIGHT.name, APPLY_CRDS.name, INSTALL_CHART.name, AWAIT_OPERATOR.name]
UNINSTALL = [PREFLIGHT.name, UNINSTALL_CHART.name, FINISH_UNINSTALL.name]


@pytest_asyncio.fixture
async def world(env: WorkflowEnvironment) -> AsyncIterator[InstallerWorld]:
    built = InstallerWorld(env)
    async with core_worker(built), installer_worker(built):
        yield built
        description = await built.handle.describe()
        if description.status is WorkflowExecutionStatus.RUNNING:
            with suppress(RPCError):  # it has ended meanwhile
                await built.handle.terminate()


async def test_an_installation_goes_through_its_steps_in_order(world: InstallerWorld) -> None:
    request = await world.ask()

    outcome = await world.outcome(request)

    assert outcome.succeeded
    assert outcome.changed
    assert world.calls == INSTALL
    view = await world.handle.result()
    assert [step.step for step in view.steps] == ["apply-crd-x", "install-op"]
    assert "  helm said so" in view.lines


async def test_what_is_installed_is_only_looked_at(world: InstallerWorld) -> None:
    world.revision = 1

    outcome = await world.outcome(await world.ask())

    assert outcome.succeeded
    assert not outcome.changed
    assert world.calls == [PREFLIGHT.name]


async def test_a_foreign_operator_is_used_and_nothing_is_installed(world: InstallerWorld) -> None:
    world.foreign = True

    assert (await world.outcome(await world.ask())).succeeded
    assert world.calls == [PREFLIGHT.name]


async def test_an_operator_that_is_not_ready_is_waited_for(world: InstallerWorld) -> None:
    world.revision, world.ready = 1, False

    assert (await world.outcome(await world.ask())).succeeded
    assert world.calls == [PREFLIGHT.name, AWAIT_OPERATOR.name]


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_that_fails_for_a_moment_is_tried_again(world: InstallerWorld, step: str) -> None:
    world.errors[step] = [passing(), passing()]

    outcome = await world.outcome(await world.ask())

    assert outcome.succeeded
    assert world.calls.count(step) == 3
    assert world.revision == 1


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_whose_answer_is_lost_does_nothing_twice(world: InstallerWorld, step: str) -> None:
    world.lost_answers[step] = 1

    outcome = await world.outcome(await world.ask())

    assert outcome.succeeded
    assert world.revision == 1


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_that_fails_for_good_waits_for_a_person(world: InstallerWorld, step: str) -> None:
    world.errors[step] = [final()]

    outcome = await world.outcome(await world.ask())

    assert (outcome.succeeded, outcome.kind, outcome.message) == (False, "MissingRights", "no right")
    assert outcome.waits_for_retry
    assert (await world.view()).stage is InstallationStage.FAILED
    assert REPAIR_RELEASE.name not in world.calls
    assert UNINSTALL_CHART.name not in world.calls


@pytest.mark.parametrize("step", INSTALL)
async def test_retry_begins_the_operation_again(world: InstallerWorld, step: str) -> None:
    world.errors[step] = [final()]
    request = await world.ask()
    await world.outcome(request)

    await world.handle.signal("retry")

    view = await world.handle.result()
    assert view.outcomes[request].succeeded
    assert world.revision == 1


async def test_a_failure_that_nobody_mends_ends_the_workflow_as_failed(world: InstallerWorld) -> None:
    world.errors[PREFLIGHT.name] = [final()]
    request = await world.ask()
    await world.outcome(request)

    await world.skip(timedelta(hours=2))

    with pytest.raises(WorkflowFailureError) as raised:
        await world.handle.result()
    assert "no right" in str(raised.value.__cause__)
    assert not (await world.outcome(request)).waits_for_retry


@pytest.mark.parametrize("step", INSTALL)
async def test_cancel_stops_at_any_step_and_leaves_no_release_half_way(
    world: InstallerWorld, step: str
) -> None:
    world.gates[step] = asyncio.Event()
    request = await world.ask()
    await world.until(lambda: step in world.calls)

    await world.handle.signal("cancel")

    outcome = await world.outcome(request)
    assert (outcome.succeeded, outcome.cancelled) == (False, True)
    assert world.cancelled == [step]
    touched = INSTALL.index(step) >= INSTALL.index(INSTALL_CHART.name)
    assert (REPAIR_RELEASE.name in world.calls) is touched
    assert UNINSTALL_CHART.name not in world.calls
    view = await world.handle.result()
    assert view.stage is InstallationStage.IDLE


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_that_ends_while_it_is_cancelled_is_the_last_one(
    world: InstallerWorld, step: str
) -> None:
    world.gates[step], world.deaf = asyncio.Event(), {step}
    request = await world.ask()
    await world.until(lambda: step in world.calls)

    await world.handle.signal("cancel")

    assert (await world.outcome(request)).cancelled
    assert [call for call in world.calls if call != REPAIR_RELEASE.name][-1] == step


async def test_cancelling_the_workflow_itself_mends_as_well(world: InstallerWorld) -> None:
    world.gates[INSTALL_CHART.name] = asyncio.Event()
    await world.ask()
    await world.until(lambda: INSTALL_CHART.name in world.calls)

    await world.handle.cancel()

    with pytest.raises(WorkflowFailureError):
        await world.handle.result()
    assert world.calls[-1] == REPAIR_RELEASE.name
    assert (await world.handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def test_cancel_while_a_step_is_tried_again_and_again(world: InstallerWorld) -> None:
    world.errors[APPLY_CRDS.name] = [passing() for _ in range(200)]
    request = await world.ask()
    await world.until(lambda: world.calls.count(APPLY_CRDS.name) >= 2)

    await world.handle.signal("cancel")

    assert (await world.outcome(request)).cancelled


@pytest.mark.parametrize("step", INSTALL)
async def test_retry_leaves_what_runs_and_begins_again(world: InstallerWorld, step: str) -> None:
    gate = world.gates[step] = asyncio.Event()
    request = await world.ask()
    await world.until(lambda: step in world.calls)

    await world.handle.signal("retry")
    await world.until(lambda: world.cancelled == [step])
    gate.set()

    assert (await world.outcome(request)).succeeded
    assert world.calls.count(PREFLIGHT.name) >= 2
    assert world.revision == 1


async def test_two_that_ask_for_the_same_share_one_installation(world: InstallerWorld) -> None:
    gate = world.gates[INSTALL_CHART.name] = asyncio.Event()
    first = await world.ask()
    await world.until(lambda: INSTALL_CHART.name in world.calls)
    second = await world.ask()
    gate.set()

    assert (await world.outcome(first)).succeeded
    assert (await world.outcome(second)).succeeded
    assert world.calls == [*INSTALL, PREFLIGHT.name]
    assert (await world.outcome(second)).changed


async def test_who_asks_while_it_is_installed_gets_what_the_config_says_by_then(
    world: InstallerWorld,
) -> None:
    gate = world.gates[AWAIT_OPERATOR.name] = asyncio.Event()
    await world.ask()
    await world.until(lambda: AWAIT_OPERATOR.name in world.calls)
    world.wanted = 2  # the config changed after the installation had read it
    second = await world.ask()
    gate.set()

    assert (await world.outcome(second)).succeeded
    assert world.revision == 2


async def test_another_operation_waits_for_its_turn(world: InstallerWorld) -> None:
    gate = world.gates[AWAIT_OPERATOR.name] = asyncio.Event()
    install = await world.ask()
    await world.until(lambda: AWAIT_OPERATOR.name in world.calls)
    uninstall = await world.ask(Operation.UNINSTALL)
    gate.set()

    assert (await world.outcome(install)).succeeded
    assert (await world.outcome(uninstall)).succeeded
    assert world.calls == [*INSTALL, *UNINSTALL]
    assert world.revision == 0
    assert world.most_running == 1


async def test_an_uninstall_of_nothing_is_done(world: InstallerWorld) -> None:
    outcome = await world.outcome(await world.ask(Operation.UNINSTALL))

    assert outcome.succeeded
    assert not outcome.changed


async def test_a_repair_mends_and_changes_nothing_else(world: InstallerWorld) -> None:
    world.revision = 1

    assert (await world.outcome(await world.ask(Operation.REPAIR))).succeeded
    assert world.calls == [PREFLIGHT.name, REPAIR_RELEASE.name]


async def test_a_new_request_takes_the_place_of_one_that_failed(world: InstallerWorld) -> None:
    world.errors[PREFLIGHT.name] = [final()]
    await world.outcome(await world.ask())

    second = await world.ask()

    assert (await world.outcome(second)).succeeded


async def test_those_who_wait_are_told_of_success(world: InstallerWorld) -> None:
    one, two = await world.waiter(), await world.waiter()
    gate = world.gates[INSTALL_CHART.name] = asyncio.Event()

    await world.join(one)
    await world.until(lambda: INSTALL_CHART.name in world.calls)
    await world.join(two)
    gate.set()

    assert await world.reports(one) == [True]
    assert await world.reports(two) == [True]
    assert world.calls == INSTALL


async def test_those_who_wait_are_told_of_a_failure_and_of_a_later_success(world: InstallerWorld) -> None:
    waiter = await world.waiter()
    world.errors[INSTALL_CHART.name] = [final()]

    await world.join(waiter)
    assert await world.reports(waiter) == [False]
    await world.join(waiter, again=True)

    assert await world.reports(waiter, 2) == [False, True]


async def test_who_joins_a_failed_installation_is_told_at_once(world: InstallerWorld) -> None:
    world.errors[INSTALL_CHART.name] = [final()]
    await world.outcome(await world.ask())
    waiter = await world.waiter()

    await world.join(waiter)

    assert await world.reports(waiter) == [False]
    assert world.calls == INSTALL[:3]


async def test_one_who_waited_and_is_gone_stops_nobody(world: InstallerWorld) -> None:
    gone, there = await world.waiter(), await world.waiter()
    gate = world.gates[PREFLIGHT.name] = asyncio.Event()
    await world.join(gone)
    await world.join(there)
    await gone.terminate()
    gate.set()

    assert await world.reports(there) == [True]


async def test_who_needs_the_provider_while_it_is_uninstalled_gets_it_installed(
    world: InstallerWorld,
) -> None:
    world.revision, gate = 1, asyncio.Event()
    world.gates[UNINSTALL_CHART.name] = gate
    await world.ask(Operation.UNINSTALL)
    await world.until(lambda: UNINSTALL_CHART.name in world.calls)
    waiter = await world.waiter()

    await world.join(waiter)
    gate.set()

    assert await world.reports(waiter) == [True]
    assert world.revision == 1


async def test_a_request_delivered_twice_is_done_once(world: InstallerWorld) -> None:
    gate = world.gates[PREFLIGHT.name] = asyncio.Event()
    first = await world.ask()
    again = (await world.view()).request
    await world.until(lambda: bool(world.calls))
    await world.handle.signal("request", again)
    gate.set()

    assert (await world.outcome(first)).succeeded
    assert world.calls == INSTALL


async def test_who_waits_for_an_installation_hears_nothing_of_the_uninstall_before_it(
    world: InstallerWorld,
) -> None:
    world.revision, gate = 1, asyncio.Event()
    world.gates[UNINSTALL_CHART.name], world.errors[FINISH_UNINSTALL.name] = gate, [final()]
    await world.ask(Operation.UNINSTALL)
    await world.until(lambda: UNINSTALL_CHART.name in world.calls)
    waiter = await world.waiter()

    await world.join(waiter)
    gate.set()

    assert await world.reports(waiter) == [True]


async def test_who_waits_is_told_of_the_attempt_that_took_the_place_of_a_failed_one(
    world: InstallerWorld,
) -> None:
    waiter, gate = await world.waiter(), asyncio.Event()
    world.gates[APPLY_CRDS.name], world.errors[INSTALL_CHART.name] = gate, [final()]
    await world.join(waiter)
    await world.until(lambda: APPLY_CRDS.name in world.calls)
    await world.ask(values_version="2")
    gate.set()

    assert (await world.reports(waiter, 2))[-1]


async def test_a_cancel_that_comes_with_the_request_is_the_end_of_it(env: WorkflowEnvironment) -> None:
    world = InstallerWorld(env)
    request = await world.ask()
    await world.handle.signal("cancel")

    async with core_worker(world), installer_worker(world):
        assert (await world.outcome(request)).cancelled
        await world.handle.result()
    assert INSTALL_CHART.name not in world.calls


async def test_a_second_cancel_gives_up_on_mending(world: InstallerWorld) -> None:
    world.gates = {INSTALL_CHART.name: asyncio.Event(), REPAIR_RELEASE.name: asyncio.Event()}
    request = await world.ask()
    await world.until(lambda: INSTALL_CHART.name in world.calls)
    await world.handle.signal("cancel")
    await world.until(lambda: REPAIR_RELEASE.name in world.calls)

    await world.handle.signal("cancel")

    outcome = await world.outcome(request)
    assert outcome.cancelled
    assert "ns/op may be left half-way" in outcome.message
    await world.handle.result()


async def test_a_long_history_is_continued_with_what_is_asked_and_who_waits(world: InstallerWorld) -> None:
    waiter, gate = await world.waiter(), asyncio.Event()
    world.gates[FINISH_UNINSTALL.name] = gate
    uninstall = await world.ask(Operation.UNINSTALL)
    await world.until(lambda: FINISH_UNINSTALL.name in world.calls)
    await world.join(waiter)
    first = (await world.handle.describe()).run_id
    again = (await world.view()).request
    for _ in range(LONG_HISTORY // 100):
        await asyncio.gather(*(world.handle.signal("request", again) for _ in range(100)))
    gate.set()

    assert await world.reports(waiter) == [True]
    assert (await world.outcome(uninstall)).succeeded
    assert (await world.handle.describe()).run_id != first
    assert world.calls == [*UNINSTALL, *INSTALL]


async def test_requests_without_an_id_are_different_ones(world: InstallerWorld) -> None:
    waiter = await world.waiter()
    gate = world.gates[AWAIT_OPERATOR.name] = asyncio.Event()
    await world.join(waiter)
    await world.until(lambda: AWAIT_OPERATOR.name in world.calls)
    nameless = InstallationRequest(provider=world.provider, operation=Operation.UNINSTALL)
    await world.handle.signal("request", nameless)
    gate.set()

    await world.handle.result()

    assert world.calls == [*INSTALL, *UNINSTALL]


async def test_a_plan_only_looks(world: InstallerWorld) -> None:
    request = await world.ask()
    await world.outcome(request)

    answer = await world.env.client.execute_workflow(
        ProviderPlanWorkflow.run,
        PreflightRequest(request=InstallationRequest(provider=world.provider), with_diff=True),
        id=f"plan-{request}",
        task_queue=CORE_TASK_QUEUE,
    )

    assert answer.installed
    assert world.calls == [*INSTALL, PREFLIGHT.name]


async def test_progress_is_bounded(world: InstallerWorld) -> None:
    for _ in range(30):
        world.wanted = world.revision + 1
        await world.outcome(await world.ask())

    view = await world.view()
    assert len(view.lines) <= MAX_LINES
    assert len(view.steps) <= MAX_STEPS
    assert len(view.outcomes) <= MAX_OUTCOMES


async def test_without_an_installer_it_waits_and_can_be_cancelled(env: WorkflowEnvironment) -> None:
    world = InstallerWorld(env)
    async with core_worker(world):
        request = await world.ask()
        assert (await world.view()).activity == PREFLIGHT.name

        await world.handle.signal("cancel")

        assert (await world.outcome(request)).cancelled
        assert world.calls == []
