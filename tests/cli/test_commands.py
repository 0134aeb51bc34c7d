"""`airunway retry | cancel-build | pause | resume`: answered, refused, not delivered, nobody there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.service import RPCError

from airunway.cli.commands import run_command
from airunway.cli.explain import explain
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.messages.commands import CANCEL_BUILD, PAUSE, RESUME, RETRY
from airunway.messages.journal import Journal
from airunway.messages.refs import DeploymentRef
from airunway.operations import updates
from airunway.operations.errors import NotDelivered, Refused
from airunway.operations.updates import no_workflow
from airunway.workers.temporal.identity import person_identity
from tests.cli.conftest import Airunway
from tests.cli.temporal_place import CLUSTER, Place, place

REF = DeploymentRef(cluster=CLUSTER, namespace="ml", name="chat")


@pytest_asyncio.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with place(tmp_path) as running:
        monkeypatch.setenv("AIRUNWAY_CLUSTER", CLUSTER)
        monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", running.client.service_client.config.target_host)
        yield running


async def ask(here: Place, command: str, form: OutputFormat = OutputFormat.TABLE) -> None:
    await run_command(
        command,
        namespace="default",
        name="chat",
        reason="the node is back",
        form=form,
        where=Where(here.kubeconfig),
    )


async def test_the_answer_is_printed_and_who_asked_is_told(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow_id = await here.workflow("chat")

    async with here.worker():
        await ask(here, RETRY)
        told = await here.client.get_workflow_handle(workflow_id).query("journal", result_type=Journal)

    assert capsys.readouterr().out == "default/chat: trying generation 4 again\n"
    entry = told.entries[-1]
    assert (entry.by, entry.why) == (person_identity(), "the node is back")


async def test_the_answer_as_json(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    await here.workflow("chat")

    async with here.worker():
        await ask(here, RETRY, OutputFormat.JSON)

    assert json.loads(capsys.readouterr().out) == {
        "deployment": "default/chat",
        "command": "retry",
        "message": "trying generation 4 again",
    }


async def test_a_refusal_says_its_reason(here: Place) -> None:
    await here.workflow("chat")

    async with here.worker():
        with pytest.raises(Refused, match="refused: no image is being built; phase is Running") as refused:
            await ask(here, CANCEL_BUILD)

    assert explain(refused.value) == str(refused.value)


async def test_a_worker_that_does_not_know_the_command_refuses_it(here: Place) -> None:
    await here.workflow("chat")

    async with here.worker():
        with pytest.raises(Refused, match=r"refused: .*resume"):
            await ask(here, RESUME)


async def test_without_a_worker_it_is_not_delivered(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "DELIVERY_SECONDS", 0.5)
    await here.workflow("chat")

    with pytest.raises(NotDelivered, match="retry was not delivered, because no worker took it"):
        await ask(here, RETRY)


async def test_what_takes_long_goes_on_by_itself(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "ANSWER_SECONDS", 0.5)
    await here.workflow("chat")

    async with here.worker():
        with pytest.raises(NotDelivered, match="pause was taken up, but is not done"):
            await ask(here, PAUSE)


async def test_neither_deployment_nor_workflow(here: Place) -> None:
    with pytest.raises(CliError, match=r"^no ModelDeployment default/chat$"):
        await ask(here, RETRY)


async def test_a_workflow_that_was_terminated_by_hand(here: Place) -> None:
    await here.deployment("chat")
    workflow_id = await here.workflow("chat")
    await here.client.get_workflow_handle(workflow_id).terminate()

    with pytest.raises(CliError, match=r"exists, but its workflow has ended \(terminated at .*watcher"):
        await ask(here, RETRY)


@pytest.mark.parametrize(
    ("exists", "closed", "want"),
    [
        pytest.param(False, "", "no ModelDeployment ml/chat", id="never there"),
        pytest.param(
            False,
            "completed at noon",
            "no ModelDeployment ml/chat; its workflow has ended (completed at noon)",
            id="deleted",
        ),
        pytest.param(True, "", "it has no workflow; a running watcher starts one", id="not begun"),
    ],
)
def test_why_there_is_no_workflow(exists: bool, closed: str, want: str) -> None:
    assert want in no_workflow(REF, exists=exists, closed=closed)


@pytest.mark.parametrize("command", ["retry", "cancel-build", "pause", "resume"])
def test_help_says_how_to_give_a_reason(airunway: Airunway, command: str) -> None:
    result = airunway(command, "--help")

    assert result.status == 0
    assert "--reason TEXT" in result.out


async def test_a_namespace_that_is_missing_is_said(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_NAMESPACE", "nope")

    with pytest.raises(RPCError, match="Namespace nope is not found"):
        await ask(here, RETRY)
