"""Replay a history of a live workflow with this build: where do the two part, in plain words?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from airunway.workers.served_workflows import WORKFLOWS
from airunway.workers.temporal.silent_runtime import silent_runtime

MAX_WORDS = 500
PATIENCE_SECONDS = 60.0
"""For one history, which takes a second or two."""

_WORDS = (
    (
        r"Missing associated machine for (\w+)\((\d+)\)",
        r"the history has \1 number \2, which this build does not begin there",
    ),
    (
        r"No command scheduled for event HistoryEvent\(id: (\d+), (\w+)\)",
        r"event \1 of the history is \2, and this build does nothing there",
    ),
    (
        r"(\w+) machine does not handle this event: HistoryEvent\(id: (\d+), (\w+)\)",
        r"event \2 of the history is \3, and this build does something else there (\1)",
    ),
    (
        r"(\w+) type of scheduled event '([^']*)' does not match \w+ type of \w+ command '([^']*)'",
        r"the history goes on with \1 '\2', and this build with '\3'",
    ),
    (
        r"(\w+) id of scheduled event '([^']*)' does not match \w+ id of \w+ command '([^']*)'",
        r"the history goes on with \1 number \2, and this build with number \3",
    ),
)


class ReplayCheck:
    """Replays histories with the workflows of this build, and the converter and codec of the client."""

    def __init__(self, converter: DataConverter, workflows: Sequence[type] = WORKFLOWS) -> None:
        self._replayer = Replayer(
            workflows=workflows,
            data_converter=converter,
            workflow_runner=UnsandboxedWorkflowRunner(),
            # Without one, the SDK reads the code of every module for each replay, on the event loop.
            build_id="replay",
            # The SDK would log the difference as well, on standard output.
            runtime=silent_runtime(),
        )

    async def difference(self, history: WorkflowHistory) -> str | None:
        """How this build departs from the history; None: it does not."""
        if first_completed_task(history) is None:
            return None  # no step was decided yet
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                result = await self._replayer.replay_workflow(history, raise_on_replay_failure=False)
        except TimeoutError:
            return f"this build did not get to the end of it within {PATIENCE_SECONDS:.0f} s"
        return plain_difference(result.replay_failure) if result.replay_failure else None


def first_completed_task(history: WorkflowHistory) -> int | None:
    """Id of the event that ended the first workflow task; None: none has."""
    ended = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return next((event.event_id for event in history.events if event.event_type == ended), None)


def plain_difference(failure: Exception) -> str:
    """What a failed replay says, for a person who knows the history and not the SDK."""
    # The SDK's own dump of the failure, with those that caused it.
    messages = re.findall(r'\bmessage: "((?:[^"\\]|\\.)*)"', str(failure))
    text = ": ".join(messages).replace("\\n", " ").replace('\\"', '"') or str(failure)
    text = re.sub(r"^.*?Nondeterminism error:\s*", "", text, flags=re.DOTALL).strip()
    for pattern, words in _WORDS:
        found = re.search(pattern, text)
        if found:
            return found.expand(words)
    words = " ".join(text.split()) or type(failure).__name__
    return f"this build cannot go on with it: {words}"[:MAX_WORDS]
