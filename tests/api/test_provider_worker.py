"""The annotation with the task queue counts with a heartbeat of this system only."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.provider_worker import worker_queue

QUEUE = "airunway.here.provider.kaito"
BEAT = {"ready": True, "lastHeartbeat": "2026-01-05T09:00:00Z"}
ALIVE = {**BEAT, "conditions": [{"type": "WorkerAlive", "status": "False"}]}


def config(status: dict[str, Any], *, annotated: bool = True, **beats: str) -> dict[str, Any]:
    """`beats`: when `ours` and `theirs` were, minute and second."""
    ours = {"manager": "kaito-provider", "operation": "Apply"}
    theirs = {"manager": "provider", "operation": "Update"}
    entries = [
        {**{"ours": ours, "theirs": theirs}[who], "subresource": "status", "time": f"2026-01-05T09:{at}Z"}
        for who, at in beats.items()
    ]
    annotations = {"airunway.ai/task-queue": QUEUE} if annotated else {}
    meta = {"name": "kaito", "annotations": annotations, "managedFields": entries}
    return {"metadata": meta, "status": status}


@pytest.mark.parametrize(
    ("given", "queue"),
    [
        (config(ALIVE), QUEUE),
        (config(ALIVE, annotated=False), "provider.kaito"),
        (config({}), QUEUE),
        (config(BEAT, annotated=False), ""),
        (config(BEAT), ""),
        (config(BEAT, theirs="00:00"), ""),
        (config({"ready": True}, theirs="00:00"), ""),
        (config(BEAT, ours="00:00", theirs="02:59"), QUEUE),
        (config(BEAT, ours="00:00", theirs="03:01"), ""),
        ({"metadata": {"name": "kaito"}}, ""),
        (config({"conditions": ["WorkerAlive"]}), QUEUE),
    ],
    ids=[
        "its worker, dead or alive",
        "its worker signed off",
        "nobody's heartbeat yet",
        "another controller",
        "left over, and somebody heartbeats",
        "left over beside another controller",
        "left over beside another controller that does not say when",
        "both heartbeat",
        "another controller goes on alone",
        "nothing said",
        "conditions that are none",
    ],
)
def test_who_serves_a_provider(given: dict[str, Any], queue: str) -> None:
    assert worker_queue(given) == queue
