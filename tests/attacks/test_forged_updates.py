"""Updates and signals of strangers: other shapes, no end, other deployments, words that steer an eye."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from airunway.messages.commands import CANCEL_BUILD, COMMANDS, PAUSE, RESUME, RETRY
from airunway.messages.deployment_workflow import (
    IMAGE_REPORT,
    INSTALL_REPORT,
    JOURNAL_QUERY,
    OBJECT_CHANGED,
    STATE_QUERY,
)
from airunway.messages.words import MAX_WORDS
from tests.attacks.conftest import Scene

pytestmark = pytest.mark.timeout(600)

STEERING = "\x1b[2J\x1b]8;;https://evil.example.com\x07\u202e<script>\n\r\x00"
WRONG: list[Any] = [
    "text",
    7,
    [1],
    {"by": 7},
    {"reason": {"a": "b"}},
    {"by": ["x" * 50_000]},
]
SIGNALS: list[tuple[str, Any]] = [
    (OBJECT_CHANGED, {"cause": STEERING, "uid": "somebody-elses", "generation": 10**9, "deleted": True}),
    (OBJECT_CHANGED, {"cause": "x", "generation": "many"}),
    (INSTALL_REPORT, {"provider": "another", "succeeded": True}),
    (INSTALL_REPORT, {"provider": ["acme"], "succeeded": "perhaps"}),
    (IMAGE_REPORT, {"identity": "0" * 64, "workflow_id": "modeldeployment/test/x/y", "phase": "ready"}),
    (
        IMAGE_REPORT,
        {
            "identity": "0" * 64,
            "workflow_id": "image/another-cluster/x",
            "phase": "building",
            "progress": {"step": STEERING, "done_bytes": -1},
        },
    ),
    (RETRY, {"by": STEERING, "reason": STEERING}),
    (CANCEL_BUILD, WRONG),
]
"""Names and payloads: of foreign deployments, of another cluster, of no shape."""


def life_of(scene: Scene) -> WorkflowHandle[Any, Any]:
    return scene.attacker.client.get_workflow_handle(scene.ref.workflow_id)


async def is_refused(handle: WorkflowHandle[Any, Any], command: str, given: Any) -> str:
    """The type of the refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update(command, given)
    return str(getattr(refused.value.cause, "type", ""))


async def test_an_update_of_another_shape_is_refused_and_changes_nothing(scene: Scene) -> None:
    handle, before = life_of(scene), await scene.what_there_is()

    kinds = [await is_refused(handle, command, given) for command in COMMANDS for given in WRONG]

    assert set(kinds) == {"WrongPayload"}
    assert await scene.what_there_is() == before
    assert (await handle.query(STATE_QUERY))["state"]["paused_by"] is None


async def test_words_of_strangers_are_cut_and_steer_nothing(scene: Scene) -> None:
    handle = life_of(scene)

    await handle.execute_update(PAUSE, {"by": STEERING, "reason": f"{STEERING}{'r' * 100_000}"})
    state = (await handle.query(STATE_QUERY))["state"]
    await handle.execute_update(RESUME, {"by": STEERING})
    journal = await handle.query(JOURNAL_QUERY)

    assert len(state["paused_by"]["reason"]) == MAX_WORDS
    told = [state["paused_by"]["by"], state["paused_by"]["reason"]]
    told += [entry[field] for entry in journal["entries"] for field in ("by", "message", "why")]
    assert all(text.isprintable() for text in told)


async def test_signals_about_others_change_nothing(scene: Scene) -> None:
    handle, before = life_of(scene), await scene.what_there_is()

    await asyncio.gather(*(handle.signal(name, given) for name, given in SIGNALS))
    refused = await is_refused(handle, CANCEL_BUILD, {})  # answered after what came before

    assert refused == "Refused"
    assert (await handle.query(STATE_QUERY))["state"]["paused_by"] is None
    assert await scene.what_there_is() == before
