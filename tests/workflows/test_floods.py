"""Signals without end, of anybody and of any size: neither state nor journal grows with them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from airunway.api.status import Phase
from airunway.messages.commands import CANCEL_BUILD, PAUSE, RESUME, RETRY
from airunway.messages.deployment_workflow import (
    IMAGE_REPORT,
    INSTALL_REPORT,
    OBJECT_CHANGED,
    ChangeHint,
)
from airunway.messages.installation import INSTALL_CHART, InstallationRequest, JoinRequest, Operation
from airunway.messages.installation_workflow import (
    JOIN_INSTALLATION_SIGNAL,
    MAX_OUTCOMES,
    MAX_WAITING,
    REQUEST_INSTALLATION,
    InstallationOutcome,
    InstallationState,
)
from airunway.messages.journal import MAX_BYTES, MAX_ENTRIES, Journal
from airunway.messages.model_image import (
    BuildProgress,
    ModelImagePhase,
    ModelImageReport,
    ModelImageWaiter,
    TokenRef,
)
from airunway.messages.model_image_workflow import (
    BuildEnd,
    ImageWorkflowState,
    ModelImageInput,
    ReadBuildAnswer,
)
from airunway.messages.refs import DeploymentRef
from airunway.messages.words import MAX_MESSAGE, MAX_NAME, MAX_WORDS, MAX_WORKFLOW_ID, UNREADABLE
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_image.carried import carried
from airunway.workflows.model_image.reporting import MAX_NOTES
from airunway.workflows.provider_installation.requests import RequestQueue
from airunway.workflows.waiters import MAX_WAITERS, Waiters
from tests.modelimage.build import plan
from tests.workflows.installer_world import InstallerWorld
from tests.workflows.world import World

MANY, SOME = 10_000, 80
BIG = "x" * 100_000
LARGE = "x" * 10_000
"""Each is in a history, which a test server keeps in memory."""
TEMPORALS_LIMIT = 2_000_000
"""Bytes of one payload, as what a run hands to the next."""


def test_hints_are_folded_into_one_of_bounded_size() -> None:
    inbox = Inbox(rewrite=False)
    given = {"cause": BIG, "by": BIG, "status_changed": True, "status_writers": [BIG] * 1_000}

    for _ in range(100):
        inbox.put(ChangeHint.model_validate(given))
    inbox.observing()

    assert len(inbox.cause) == len(inbox.by) == MAX_WORDS
    assert len(inbox.whose) < MAX_WORDS


def test_requests_for_an_operation_do_not_pile_up() -> None:
    queue = RequestQueue([], {})
    queue.add(InstallationRequest(provider="kaito"), can_share=False)
    queue.begin_next()

    for number in range(MANY):
        by = f"{number}{BIG[:5_000]}"
        other = InstallationRequest(
            provider="kaito", id=f"o{number}", operation=Operation.UNINSTALL, requested_by=by
        )
        queue.add(InstallationRequest(provider="kaito", id=f"s{number}", requested_by=by), can_share=True)
        queue.add(other, can_share=True)

    assert len(queue.waiting) == MAX_WAITING
    assert len(queue._ids) == MAX_OUTCOMES
    state = InstallationState(queue=list(queue.waiting))
    assert len(state.model_dump_json()) < MAX_WAITING * 3 * MAX_WORDS


def test_what_waiters_take_is_handed_to_the_next_run() -> None:
    waiters: Waiters[None] = Waiters("report")

    for number in range(MANY):
        ref = DeploymentRef(cluster="c" * 63, namespace="n" * 63, name=f"{number:0253}")
        waiters.join(ref.workflow_id, None)
        waiters.mark_pending(ref.workflow_id)

    assert len(waiters) == MAX_WAITERS
    assert len(InstallationState(waiters=waiters.ids).model_dump_json()) < TEMPORALS_LIMIT


def test_the_longest_names_of_all_who_wait_for_an_image_fit_into_an_input() -> None:
    longest = "n" * MAX_NAME
    waiters = [
        ModelImageWaiter(
            ref=DeploymentRef(cluster="here", namespace=longest, name=f"{number:0253}"),
            token=TokenRef(namespace=longest, name=longest),
        )
        for number in range(MAX_WAITERS)
    ]
    ended = ReadBuildAnswer(end=BuildEnd.FAILED, reason=BIG, message=BIG)
    report = ModelImageReport(
        identity="0" * 64,
        workflow_id="image/here/x",
        phase=ModelImagePhase.FAILED,
        progress=BuildProgress(step=BIG, trouble=BIG),
        reason=ended.reason,
        message=ended.message,
    )

    state = ImageWorkflowState(
        waiters=carried(waiters, []),
        report=report,
        cancelled_by=ended.message,
        notes=[BIG[:2_000]] * MAX_NOTES,
    )

    assert ended.reason == UNREADABLE
    assert len(ModelImageInput(plan=plan(), state=state).model_dump_json()) < TEMPORALS_LIMIT


@pytest.mark.parametrize("name", ["\x00", '"', "\\", "é", "\u202e", "a\n"])
def test_a_name_takes_a_byte_a_letter(name: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        JoinRequest.model_validate(
            {"ref": {"cluster": "here", "namespace": "default", "name": name}, "provider": "kaito"}
        )


def test_a_reference_that_somebody_wrote_by_hand_is_of_any_text() -> None:
    ref = DeploymentRef(cluster="here", namespace="default", name=f"\x00{BIG}")

    assert ref.name == f"\x00{BIG}"
    assert len(ref.workflow_id) <= MAX_WORKFLOW_ID


def test_how_a_stranger_says_that_an_installation_ended_is_cut() -> None:
    told = InstallationOutcome(succeeded=False, kind=f"a b {BIG}", message=BIG)

    assert (told.kind, len(told.message)) == (UNREADABLE, MAX_MESSAGE)


def test_who_has_no_place_is_not_notified() -> None:
    waiters: Waiters[None] = Waiters("report")

    waiters.mark_pending("a stranger")

    assert not waiters.has_pending


def test_a_journal_stays_as_large_as_it_is() -> None:
    journal = Journal()

    for number in range(MANY):
        journal.record("UnknownSignal", f"{number}{BIG[:5_000]}", at=datetime(2026, 5, 1, tzinfo=UTC))

    assert len(journal.entries) <= MAX_ENTRIES
    assert len(journal.model_dump_json()) < 2 * MAX_BYTES


@pytest.mark.parametrize(
    "given",
    [
        {"cluster": "c", "namespace": "n" * (MAX_NAME + 1), "name": "x"},
        {"cluster": "c" * (MAX_NAME + 1), "namespace": "n", "name": "x"},
    ],
)
def test_a_name_that_none_can_have_is_another_shape(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at most"):
        JoinRequest.model_validate({"ref": given, "provider": "kaito"})


def test_progress_of_anybody_is_cut_before_it_is_shown() -> None:
    progress = BuildProgress(step=f"{BIG}", trouble=f"\x1b[2J{BIG}")

    assert (len(progress.step), len(progress.trouble)) == (MAX_WORDS, MAX_WORDS)
    assert "\x1b" not in progress.trouble


def forged(number: int) -> list[tuple[str, Any]]:
    """One of each signal of a deployment, as large as it goes."""
    report = ModelImageReport(
        identity=f"{number}", workflow_id="image/here/x", phase=ModelImagePhase.BUILDING,
        progress=BuildProgress(step="x"),
    )  # fmt: skip
    asked = {"by": f"{number}{LARGE}", "reason": LARGE}
    return [
        (OBJECT_CHANGED, {"cause": LARGE, "uid": f"{number}", "status_writers": [LARGE]}),
        (IMAGE_REPORT, {**report.model_dump(mode="json"), "message": LARGE}),
        (INSTALL_REPORT, {"provider": f"{number}", "succeeded": True, "message": LARGE}),
        (RETRY, asked),
        (CANCEL_BUILD, asked),
        (PAUSE, asked),
        (RESUME, asked),
        (f"signal-{number}", {"a": LARGE}),
    ]


async def test_a_deployment_outlives_a_flood(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    for number in range(SOME // 8):
        await asyncio.gather(*(world.handle.signal(name, given) for name, given in forged(number)))
    await world.handle.signal(RESUME)  # whichever of those about a pause came last
    view = await world.quiet()

    assert len(view.state.model_dump_json()) < 100_000
    assert len(view.state.journal.entries) <= MAX_ENTRIES
    assert "paused" in await world.command(PAUSE)


async def test_an_installation_outlives_a_flood(installer: InstallerWorld) -> None:
    request, gate = await installer.held_at(INSTALL_CHART)
    elsewhere = DeploymentRef(cluster="another", namespace="default", name="chat")

    for number in range(SOME // 4):
        asked = {
            "provider": installer.provider,
            "operation": "repair",
            "id": f"{number}",
            "requested_by": LARGE,
        }
        join = {"ref": elsewhere.model_dump(), "provider": installer.provider}
        for name, given in (
            (REQUEST_INSTALLATION, {**asked, "requested_by": LARGE}),
            (REQUEST_INSTALLATION, {**asked, "id": LARGE}),
            (JOIN_INSTALLATION_SIGNAL, join),
            (f"signal-{number}", LARGE),
        ):
            await installer.handle.signal(name, given)
    view = await installer.view()
    gate.set()

    assert (await installer.outcome(request)).succeeded
    assert view.queued == MAX_WAITING
    assert view.waiters == []
    assert len(view.model_dump_json()) < 500_000
