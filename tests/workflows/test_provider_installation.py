"""ProviderInstallationWorkflow: its steps in order; a failure, a cancellation and a retry at each of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    INSTALL_CHART,
    PREFLIGHT,
    REPAIR_RELEASE,
    UNINSTALL_CHART,
)
from airunway.messages.installation_workflow import InstallationStage
from tests.workflows.installer_world import (
    INSTALL,
    InstallerWorld,
    core_worker,
    final,
    installer_worker,
    passing,
)


async def test_an_installation_goes_through_its_steps_in_order(installer: InstallerWorld) -> None:
    request = await installer.ask()

    outcome = await installer.outcome(request)

    assert outcome.succeeded
    assert outcome.changed
    assert installer.calls == INSTALL
    view = await installer.handle.result()
    assert [step.step for step in view.steps] == ["apply-crd-x", "install-op"]
    assert "  helm said so" in view.lines


async def test_what_is_installed_is_only_inspected(installer: InstallerWorld) -> None:
    installer.revision = 1

    outcome = await installer.outcome(await installer.ask())

    assert outcome.succeeded
    assert not outcome.changed
    assert installer.calls == [PREFLIGHT.name]


async def test_an_externally_managed_operator_is_used_and_nothing_is_installed(
    installer: InstallerWorld,
) -> None:
    installer.externally_managed = True

    assert (await installer.outcome(await installer.ask())).succeeded
    assert installer.calls == [PREFLIGHT.name]


async def test_an_operator_that_is_not_ready_is_waited_for(installer: InstallerWorld) -> None:
    installer.revision, installer.ready = 1, False

    assert (await installer.outcome(await installer.ask())).succeeded
    assert installer.calls == [PREFLIGHT.name, AWAIT_OPERATOR.name]


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_that_fails_for_a_moment_is_tried_again(installer: InstallerWorld, step: str) -> None:
    installer.errors[step] = [passing(), passing()]

    outcome = await installer.outcome(await installer.ask())

    assert outcome.succeeded
    assert installer.calls.count(step) == 3
    assert installer.revision == 1


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_whose_answer_is_lost_does_nothing_twice(installer: InstallerWorld, step: str) -> None:
    installer.lost_answers[step] = 1

    outcome = await installer.outcome(await installer.ask())

    assert outcome.succeeded
    assert installer.revision == 1


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_that_fails_for_good_waits_for_a_person(installer: InstallerWorld, step: str) -> None:
    installer.errors[step] = [final()]

    outcome = await installer.outcome(await installer.ask())

    assert (outcome.succeeded, outcome.kind, outcome.message) == (False, "MissingRights", "no right")
    assert outcome.waits_for_retry
    assert (await installer.view()).stage is InstallationStage.FAILED
    assert REPAIR_RELEASE.name not in installer.calls
    assert UNINSTALL_CHART.name not in installer.calls


@pytest.mark.parametrize("step", INSTALL)
async def test_retry_begins_the_operation_again(installer: InstallerWorld, step: str) -> None:
    installer.errors[step] = [final()]
    request = await installer.ask()
    await installer.outcome(request)

    await installer.handle.signal("retry")

    view = await installer.handle.result()
    assert view.outcomes[request].succeeded
    assert installer.revision == 1


async def test_a_failure_that_nobody_repairs_ends_the_workflow_as_failed(installer: InstallerWorld) -> None:
    installer.errors[PREFLIGHT.name] = [final()]
    request = await installer.ask()
    await installer.outcome(request)

    await installer.skip(timedelta(hours=2))

    with pytest.raises(WorkflowFailureError) as raised:
        await installer.handle.result()
    assert "no right" in str(raised.value.__cause__)
    assert not (await installer.outcome(request)).waits_for_retry


@pytest.mark.parametrize("step", INSTALL)
async def test_cancel_stops_at_any_step_and_leaves_no_release_half_way(
    installer: InstallerWorld, step: str
) -> None:
    request, _ = await installer.held_at(step)

    await installer.handle.signal("cancel")

    outcome = await installer.outcome(request)
    assert (outcome.succeeded, outcome.cancelled) == (False, True)
    assert installer.cancelled == [step]
    touched = INSTALL.index(step) >= INSTALL.index(INSTALL_CHART.name)
    assert (REPAIR_RELEASE.name in installer.calls) is touched
    assert UNINSTALL_CHART.name not in installer.calls
    view = await installer.handle.result()
    assert view.stage is InstallationStage.IDLE


@pytest.mark.parametrize("step", INSTALL)
async def test_a_step_that_ends_while_it_is_cancelled_is_the_last_one(
    installer: InstallerWorld, step: str
) -> None:
    installer.gates[step], installer.deaf = asyncio.Event(), {step}
    request = await installer.ask()
    await installer.until(lambda: step in installer.calls)

    await installer.handle.signal("cancel")

    assert (await installer.outcome(request)).cancelled
    assert [call for call in installer.calls if call != REPAIR_RELEASE.name][-1] == step


async def test_cancelling_the_workflow_itself_repairs_as_well(installer: InstallerWorld) -> None:
    await installer.held_at(INSTALL_CHART)

    await installer.handle.cancel()

    with pytest.raises(WorkflowFailureError):
        await installer.handle.result()
    assert installer.calls[-1] == REPAIR_RELEASE.name
    assert (await installer.handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def test_cancel_while_a_step_is_tried_again_and_again(installer: InstallerWorld) -> None:
    installer.errors[APPLY_CRDS.name] = [passing() for _ in range(200)]
    request = await installer.ask()
    await installer.until(lambda: installer.calls.count(APPLY_CRDS.name) >= 2)

    await installer.handle.signal("cancel")

    assert (await installer.outcome(request)).cancelled


@pytest.mark.parametrize("step", INSTALL)
async def test_retry_leaves_what_runs_and_begins_again(installer: InstallerWorld, step: str) -> None:
    request, gate = await installer.held_at(step)

    await installer.handle.signal("retry")
    await installer.until(lambda: installer.cancelled == [step])
    gate.set()

    assert (await installer.outcome(request)).succeeded
    assert installer.calls.count(PREFLIGHT.name) >= 2
    assert installer.revision == 1


async def test_a_cancel_that_comes_with_the_request_is_the_end_of_it(env: WorkflowEnvironment) -> None:
    installer = InstallerWorld(env)
    request = await installer.ask()
    await installer.handle.signal("cancel")

    async with core_worker(installer), installer_worker(installer):
        assert (await installer.outcome(request)).cancelled
        await installer.handle.result()
    assert INSTALL_CHART.name not in installer.calls


async def test_a_second_cancel_gives_up_on_repairing(installer: InstallerWorld) -> None:
    installer.gates = {INSTALL_CHART.name: asyncio.Event(), REPAIR_RELEASE.name: asyncio.Event()}
    request = await installer.ask()
    await installer.until(lambda: INSTALL_CHART.name in installer.calls)
    await installer.handle.signal("cancel")
    await installer.until(lambda: REPAIR_RELEASE.name in installer.calls)

    await installer.handle.signal("cancel")

    outcome = await installer.outcome(request)
    assert outcome.cancelled
    assert "ns/op may be left half-way" in outcome.message
    await installer.handle.result()


async def test_without_an_installer_it_waits_and_can_be_cancelled(env: WorkflowEnvironment) -> None:
    installer = InstallerWorld(env)
    async with core_worker(installer):
        request = await installer.ask()
        assert (await installer.view()).activity == PREFLIGHT.name

        await installer.handle.signal("cancel")

        assert (await installer.outcome(request)).cancelled
        assert installer.calls == []
