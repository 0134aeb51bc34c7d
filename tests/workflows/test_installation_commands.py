"""What people and strangers may send to a provider's installation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError

from airunway.messages.commands import Asked, CommandAnswer
from airunway.messages.installation import INSTALL_CHART, Operation
from airunway.messages.installation_workflow import (
    CANCEL,
    JOIN_INSTALLATION_SIGNAL,
    MAX_LINE,
    REQUEST_INSTALLATION,
    RETRY,
)
from tests.workflows.installer_world import InstallerWorld
from tests.workflows.strangers import OF_ANOTHER_SHAPE, STEERING

ALICE = Asked(by="alice@laptop", reason="wrong values")


async def being_installed(installer: InstallerWorld) -> tuple[str, asyncio.Event]:
    gate = installer.gates[INSTALL_CHART.name] = asyncio.Event()
    request = await installer.ask(Operation.INSTALL)
    await installer.until(lambda: INSTALL_CHART.name in installer.calls)
    return request, gate


async def test_an_operation_is_cancelled_with_an_answer(installer: InstallerWorld) -> None:
    request, _ = await being_installed(installer)

    answer = await installer.handle.execute_update(CANCEL, ALICE, result_type=CommandAnswer)

    assert answer.message == f"stopping install of {installer.provider}"
    assert (await installer.outcome(request)).cancelled
    assert any("alice@laptop: wrong values" in line for line in (await installer.view()).lines)


async def test_an_operation_is_begun_again_with_an_answer(installer: InstallerWorld) -> None:
    request, gate = await being_installed(installer)

    answer = await installer.handle.execute_update(RETRY, ALICE, result_type=CommandAnswer)

    assert answer.message == f"beginning install of {installer.provider} again"
    gate.set()
    assert (await installer.outcome(request)).succeeded


@pytest.mark.parametrize("signal", [REQUEST_INSTALLATION, JOIN_INSTALLATION_SIGNAL, CANCEL, RETRY, "colour"])
@pytest.mark.parametrize("payloads", [["text"], [7], [{"by": 7, "provider": 7}], ["a", {"b": "c"}]])
async def test_what_makes_no_sense_is_said_and_changes_nothing(
    installer: InstallerWorld, signal: str, payloads: list[Any]
) -> None:
    request, gate = await being_installed(installer)

    await installer.handle.signal(signal, args=payloads)
    lines = (await installer.view()).lines
    gate.set()

    assert (await installer.outcome(request)).succeeded
    assert any("ignored" in line for line in lines)


@pytest.mark.parametrize("command", [CANCEL, RETRY])
async def test_a_command_of_another_shape_is_refused_and_changes_nothing(
    installer: InstallerWorld, command: str
) -> None:
    request, gate = await being_installed(installer)

    for given in OF_ANOTHER_SHAPE:
        with pytest.raises(WorkflowUpdateFailedError):
            await installer.handle.execute_update(command, given)
    gate.set()

    assert (await installer.outcome(request)).succeeded
    assert installer.calls.count(INSTALL_CHART.name) == 1


async def test_words_without_end_are_cut_and_steer_nothing(installer: InstallerWorld) -> None:
    request, gate = await being_installed(installer)

    await installer.handle.execute_update(RETRY, {"by": STEERING, "reason": f"{STEERING}{'r' * 1_000_000}"})
    await installer.handle.signal(STEERING, "x")
    await installer.handle.signal(REQUEST_INSTALLATION, {"provider": STEERING})
    view = await installer.view()
    gate.set()

    assert (await installer.outcome(request)).succeeded
    assert max(map(len, view.lines)) <= MAX_LINE
    assert all(line.isprintable() for line in view.lines)


async def test_a_request_for_another_provider_is_not_this_ones(installer: InstallerWorld) -> None:
    request, gate = await being_installed(installer)

    await installer.handle.signal(REQUEST_INSTALLATION, {"provider": "another", "operation": "uninstall"})
    view = await installer.view()
    gate.set()

    assert view.queued == 0
    assert (await installer.outcome(request)).succeeded


async def test_what_is_not_done_cannot_be_cancelled(installer: InstallerWorld) -> None:
    request, gate = await being_installed(installer)
    gate.set()
    await installer.outcome(request)

    with pytest.raises((WorkflowUpdateFailedError, RPCError)) as refused:
        await installer.handle.execute_update(CANCEL, ALICE)

    if isinstance(refused.value, WorkflowUpdateFailedError):  # else the workflow has ended already
        assert "nothing is being done" in str(refused.value.cause)


@pytest.mark.parametrize("signal", [REQUEST_INSTALLATION, JOIN_INSTALLATION_SIGNAL, CANCEL, RETRY])
async def test_what_cannot_even_be_decoded_is_said_without_a_traceback(
    installer: InstallerWorld, signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    request, gate = await being_installed(installer)

    await installer.handle.signal(
        signal, RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"no json"))
    )
    lines = (await installer.view()).lines
    gate.set()

    assert (await installer.outcome(request)).succeeded
    assert any(f"signal {signal} ignored" in line for line in lines)
    assert "Traceback" not in caplog.text


async def test_a_command_needs_no_input(installer: InstallerWorld) -> None:
    request, _ = await being_installed(installer)

    await installer.handle.execute_update(CANCEL, result_type=CommandAnswer)

    assert (await installer.outcome(request)).cancelled
