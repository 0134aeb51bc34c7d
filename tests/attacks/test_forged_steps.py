"""Steps that somebody else than the object's workflow asks for: refused for good, and nothing changes."""

from __future__ import annotations

import asyncio

import pytest

from airunway.messages.failures import WRONG_WORKFLOW
from tests.attacks.attacker import Outcome
from tests.attacks.conftest import Scene
from tests.attacks.forgeries import (
    LIES,
    READ_ONLY,
    Forgery,
    Target,
    queue_of,
    requests_of_every_step,
)
from tests.attacks.registered import registered_activities

pytestmark = pytest.mark.timeout(600)


async def test_every_activity_has_a_forgery(scene: Scene) -> None:
    target = Target(scene.ref, scene.chat)
    every = await registered_activities(scene.attacker.client, scene.system)

    told = {forgery.step for lies in LIES.values() for forgery in lies(target)}

    assert {forgery.step for forgery in requests_of_every_step(target)} == every
    assert told == every - READ_ONLY


async def test_nothing_is_done_for_a_foreign_workflow(scene: Scene) -> None:
    target, before = Target(scene.ref, scene.chat), await scene.what_there_is()

    async def ask(forgery: Forgery) -> None:
        queue = queue_of(forgery, scene.queue)
        outcome = await scene.attacker.has_done(forgery.step, forgery.request, queue=queue)

        assert (outcome.kind, outcome.is_final) == (WRONG_WORKFLOW, True), f"{forgery.step}: {outcome}"
        assert "terminate it" in outcome.message

    await asyncio.gather(*map(ask, requests_of_every_step(target)))

    assert await scene.what_there_is() == before


@pytest.mark.parametrize("about", LIES)
async def test_a_lie_is_refused_under_the_very_id_of_the_workflow_that_may_ask(
    scene: Scene, about: str
) -> None:
    await scene.system.stop("watcher")  # which would have the deployment's own workflow begin again
    target, before = Target(scene.ref, scene.chat), await scene.what_there_is()

    for forgery in LIES[about](target):
        outcome = await scene.attacker.has_done(
            forgery.step,
            forgery.request,
            queue=queue_of(forgery, scene.queue),
            workflow_id=forgery.workflow_id or scene.ref.workflow_id,
        )

        assert _is_as_wanted(forgery, outcome), f"{forgery}: {outcome}"

    assert await scene.what_there_is() == before


def _is_as_wanted(forgery: Forgery, outcome: Outcome) -> bool:
    if not forgery.kind:  # done, and it did nothing: the object it is about is not there
        return not outcome.kind and outcome.answer is not None
    return outcome.kind == forgery.kind and forgery.words in outcome.message and outcome.is_final
