"""`airunway history` on a Temporal server: runs, steps, commands, images, what hands did, what is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Worker

from airunway.api.names import core_task_queue
from airunway.cli.formats import HistoryFormat
from airunway.cli.history import telling
from airunway.cli.history.telling import tell
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.clients.events import record_event
from airunway.console.history import fetch
from airunway.messages.commands import RETRY, Asked
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from tests.cli.history.story import ACTIVITIES, IMAGE_ID, StoryDeployment, StoryImage, attempts
from tests.cli.temporal_place import CLUSTER, PATIENCE_SECONDS, Place, place, until

REF = DeploymentRef(cluster=CLUSTER, namespace="default", name="chat")
Lines = list[dict[str, Any]]


@pytest_asyncio.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with place(tmp_path) as running:
        monkeypatch.setenv("AIRUNWAY_CLUSTER", CLUSTER)
        monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", running.client.service_client.config.target_host)
        attempts["apply_upstream"] = 0
        yield running


def story_worker(here: Place) -> Worker:
    return Worker(
        here.client,
        task_queue=core_task_queue(CLUSTER),
        workflows=[StoryDeployment, StoryImage],
        activities=ACTIVITIES,
    )


async def live(here: Place) -> None:
    """Its first run to the end, with an image that somebody retried; the second run waits."""
    image = await here.client.start_workflow(
        "ModelImageWorkflow",
        id=IMAGE_ID,
        task_queue=core_task_queue(CLUSTER),
        start_signal="internal_join",
        start_signal_args=["me"],
    )
    await here.workflow("chat")
    await until("ExecutionStatus = 'ContinuedAsNew'", here.client, lambda count: count == 1)
    await image.execute_update(RETRY, Asked(by="bob@desk"), result_type=dict)
    await image.result()


async def told(
    here: Place, capsys: pytest.CaptureFixture[str], *, follow: bool = False, **more: Any
) -> Lines:
    await tell(
        namespace="default",
        name="chat",
        form=HistoryFormat.JSONL,
        since=None,
        follow=follow,
        where=Where(here.kubeconfig),
        **more,
    )
    return lines_of(capsys.readouterr().out)


def lines_of(out: str) -> Lines:
    return [json.loads(text) for text in out.splitlines()]


def named(lines: Lines, what: str) -> dict[str, Any]:
    (found,) = [line for line in lines if line["what"] == what and line["source"] == "history"]
    return found


async def test_the_whole_life_in_order(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    async with story_worker(here):
        await live(here)
        await here.client.get_workflow_handle(REF.workflow_id).execute_update(
            RETRY, Asked(by="ann@desk", reason="the node is back"), result_type=dict
        )
        lines = await told(here, capsys)

    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    steps = [line["what"] for line in lines if line["source"] == "history"]
    assert steps == [
        "run_started",
        "validate",
        "select_engine",
        "evaluate_provider_rules",
        "build_image",
        "apply_upstream",
        "read_readiness",
        "write_status",
        "run_started",
        "retry",
    ]
    engine = named(lines, "select_engine")
    assert (engine["message"], engine["why"]) == ("engine vllm", "the only one that fits")
    assert engine["details"]["candidates"][0]["why_not"] == "no provider offers it"
    assert engine["by"] == "deployment seen", "the journal knows who"
    applied = named(lines, "apply_upstream")
    assert "created Workspace chat" in applied["message"]
    assert applied["details"]["attempts"] == 2
    assert "the API server is away" in applied["details"]["last_failure"]
    assert (applied["why"], applied["generation"]) == ("it is not there", 4)
    assert named(lines, "write_status")["why"] == "2/2 ready"
    asked = named(lines, "retry")
    assert (asked["by"], asked["why"], asked["message"]) == (
        "ann@desk",
        "the node is back",
        "trying generation 4 again",
    )


async def test_what_only_the_journal_knows_is_told_and_the_rest_once(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    async with story_worker(here):
        await live(here)
        lines = await told(here, capsys)

    assert [line["what"] for line in lines if line["source"] == "journal"] == ["Mystery"]


async def test_the_image_that_it_waited_for_is_told_too(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    async with story_worker(here):
        await live(here)
        lines = await told(here, capsys)

    image = [line for line in lines if line["source"] == "image"]
    assert [(line["what"], line["by"]) for line in image if line["by"] == "bob@desk"] == [
        ("retry", "bob@desk")
    ]
    assert {line["workflow_id"] for line in image} == {IMAGE_ID}


async def test_without_a_worker_the_last_runs_state_tells_the_journal(
    here: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "ANSWER_SECONDS", 0.5)
    async with story_worker(here):
        await live(here)
    await tell_all(here)

    captured = capsys.readouterr()
    assert "Mystery" in [line["what"] for line in lines_of(captured.out)]
    assert "no worker answers" in captured.err


async def tell_all(here: Place) -> None:
    await tell(
        namespace="default",
        name="chat",
        form=HistoryFormat.JSONL,
        since=None,
        follow=False,
        where=Where(here.kubeconfig),
    )


async def test_a_deployment_that_was_deleted(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    handle = here.client.get_workflow_handle(REF.workflow_id)
    async with story_worker(here):
        await live(here)
        await handle.signal("internal_object_changed", ChangeHint(cause="deleted", gone=True))
        await handle.result()
        await tell_all(here)

    captured = capsys.readouterr()
    assert lines_of(captured.out)[-1]["message"] == "ended: the deployment is gone"
    assert "is not in the cluster any more" in captured.err


async def test_what_hands_did(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    handle = here.client.get_workflow_handle(REF.workflow_id)
    async with story_worker(here):
        await live(here)
        await handle.signal("nonsense", "text")
        await handle.signal("internal_image_report", {"phase": "ready", "event_id": 1, "identity": "us"})
        await handle.cancel()
        await handle.terminate(reason="by mistake")
        lines = await told(here, capsys)

    assert named(lines, "nonsense")["by"] == "test@host"
    report = named(lines, "image_report")
    assert report["message"] == "its sender says: the model's image is ready"
    assert (report["by"], report["details"]["identity"]) == ("test@host", "test@host")
    assert report["details"]["said"] == {"phase": "ready", "event_id": 1, "identity": "us"}
    assert report["details"]["event_id"] != 1
    ended = named(lines, "run_terminated")
    assert (ended["by"], ended["why"]) == ("test@host", "by mistake")
    assert named(lines, "cancel_requested")["by"] == "test@host"


async def test_what_a_reset_copied_is_told_once(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    async with story_worker(here):
        await live(here)
        before = await told(here, capsys)
        described = await here.client.get_workflow_handle(REF.workflow_id).describe()
        reset = await here.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=here.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=REF.workflow_id, run_id=described.run_id),
                reason="to try",
                workflow_task_finish_event_id=4,
                request_id="once",
            )
        )
        lines = await told(here, capsys)

    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    new = [line["what"] for line in lines if line["run_id"] == reset.run_id]
    assert new == ["run_reset"]
    starts = [line for line in lines if line["what"] == "run_started"]
    assert starts == [line for line in before if line["what"] == "run_started"]


async def test_events_alone_of_one_that_temporal_has_forgotten(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await here.deployment("chat")
    involved = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "name": "chat",
        "namespace": "default",
        "uid": made["metadata"]["uid"],
    }
    await record_event(
        here.cluster, involved, reason="Retry", message="asked for", warning=False, component="airunway"
    )

    await tell_all(here)

    captured = capsys.readouterr()
    assert [(line["source"], line["what"]) for line in lines_of(captured.out)] == [("event", "Retry")]
    assert "Temporal has no history of it" in captured.err


async def test_one_that_nobody_knows(here: Place) -> None:
    with pytest.raises(CliError, match="nothing is known of ModelDeployment default/chat"):
        await tell_all(here)


async def test_runs_that_ended_before_are_not_read(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    async with story_worker(here):
        await live(here)
        handle = here.client.get_workflow_handle(REF.workflow_id)
        begun = (await handle.describe()).start_time
        runs = await fetch.runs_of(here.client, REF.workflow_id)
        await tell(
            namespace="default",
            name="chat",
            form=HistoryFormat.JSONL,
            since=begun,
            follow=False,
            where=Where(here.kubeconfig),
        )

    assert len(runs) == 2
    lines = lines_of(capsys.readouterr().out)
    assert [line["what"] for line in lines if line["source"] == "history"] == ["run_started"]


async def test_following_tells_what_comes_and_nothing_twice(
    here: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "POLL_SECONDS", 0.05)
    handle = here.client.get_workflow_handle(REF.workflow_id)
    out = ""

    async def until_told(text: str) -> None:
        nonlocal out
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in out:
                out += capsys.readouterr().out
                await asyncio.sleep(0.05)

    async with story_worker(here):
        await live(here)
        following = asyncio.create_task(told(here, capsys, follow=True))
        await until_told("goes on in a new run")
        await handle.execute_update(RETRY, Asked(by="ann@desk"), result_type=dict)
        await until_told("ann@desk")
        await handle.signal("internal_object_changed", ChangeHint(cause="deleted", gone=True))
        await until_told("ended: the deployment is gone")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    seen = [
        json.dumps([line["run_id"], line["what"], line["message"], line["time"]]) for line in lines_of(out)
    ]
    assert len(seen) == len(set(seen))
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
