"""Who creates, scales, edits or deletes stands in the record of the deployment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from airunway.api.spec_editor import spec_editor
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.web import identity
from airunway.web.identity import Caller
from airunway.web.on_record import MAX_FIELD_MANAGER, written_by
from airunway.web.pages.deploy_form import example_body, text_of
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace, web_place

WORKFLOW = "modeldeployment/here/default/chat"


class SignalledWorkflows:
    """Takes signals where a Temporal client is wanted."""

    def __init__(self) -> None:
        self.signals: list[tuple[str, str, ChangeHint]] = []
        self._asked_for = ""

    def get_workflow_handle(self, workflow_id: str) -> SignalledWorkflows:
        self._asked_for = workflow_id
        return self

    async def signal(self, name: str, hint: ChangeHint) -> None:
        self.signals.append((self._asked_for, name, hint))


@pytest.fixture
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "person_identity", lambda: "ann")


async def send(place: WebPlace, path: str, **fields: str) -> int:
    url = f"{place.url}/deployments/default/chat/{path}"
    async with place.session.post(url, data=fields, allow_redirects=False) as answer:
        return answer.status


async def edited(place: WebPlace) -> int:
    await place.until(lambda: place.state.fleet.deployment("default", "chat") is not None)
    page = ParsedPage((await place.get("/deployments/default/chat/edit")).body)
    text = "".join(page.by_id("yaml").parts).replace("acme/tiny", "acme/other")
    return await send(place, "edit", yaml=text, edited="yaml", action="save")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda place: send(place, "scale", replicas="3"), "3 replicas asked for"),
        (edited, "its spec was edited"),
        (lambda place: send(place, "delete"), "its deletion has begun"),
    ],
    ids=["scale", "edit", "delete"],
)
@pytest.mark.usefixtures("ann")
async def test_who_changes_a_deployment_is_told_to_its_workflow(
    tmp_path: Path, change: Callable[[WebPlace], Any], words: str
) -> None:
    workflows = SignalledWorkflows()

    async def temporal() -> Any:
        return workflows

    async with web_place(tmp_path, find_temporal=temporal) as place:
        await place.deployment("chat")
        assert await change(place) in (200, 303)

    ((workflow_id, name, hint),) = workflows.signals
    assert (workflow_id, name) == (WORKFLOW, OBJECT_CHANGED)
    assert (hint.by, hint.cause) == ("ann", f"ann: {words}")


async def create_on_the_page(place: WebPlace) -> int:
    url = f"{place.url}/deploy"
    text = text_of({**example_body(), "metadata": {"name": "chat", "namespace": "default"}})
    fields = {"yaml": text, "edited": "yaml", "action": "create"}
    async with place.session.post(url, data=fields, allow_redirects=False) as answer:
        return answer.status


async def create_over_the_api(place: WebPlace) -> int:
    body = {"name": "chat", "namespace": "default", "modelId": "acme/tiny", "engine": "vllm"}
    return (await place.post("/api/deployments", body)).status


async def create_and(place: WebPlace, change: Callable[[WebPlace], Any]) -> int:
    await place.deployment("chat")
    status: int = await change(place)
    return status


@pytest.mark.parametrize(
    "write",
    [
        create_on_the_page,
        create_over_the_api,
        lambda place: create_and(place, edited),
        lambda place: create_and(place, lambda place: send(place, "scale", replicas="3")),
    ],
    ids=["create", "create over the API", "edit", "scale"],
)
@pytest.mark.usefixtures("ann")
async def test_the_api_server_notes_the_person_as_who_wrote_the_spec(
    tmp_path: Path, write: Callable[[WebPlace], Any]
) -> None:
    async with web_place(tmp_path) as place:
        assert await write(place) in (200, 201, 303)
        live = await place.cluster.get(DEPLOYMENTS, "chat", namespace="default")

    assert "airunway-web/ann" in spec_editor(live)


@pytest.mark.parametrize("user", ["system:serviceaccount:" + "a" * 253, "\u00e9" * 200, "a\x1b[2J\nb\u202e"])
def test_whatever_a_person_is_called_is_a_field_manager(user: str) -> None:
    caller = Caller(user=user, cluster=cast(Cluster, None))

    manager = written_by(caller)

    assert manager.startswith("airunway-web/") and manager.isprintable()
    assert len(manager.encode()) <= MAX_FIELD_MANAGER


async def test_without_temporal_the_change_holds_all_the_same(tmp_path: Path) -> None:
    async with web_place(tmp_path) as place:
        await place.deployment("chat")

        assert await send(place, "scale", replicas="3") == 200

        live = await place.cluster.get(DEPLOYMENTS, "chat", namespace="default")
        assert live["spec"]["scaling"]["replicas"] == 3


async def test_what_kubernetes_refuses_stands_in_no_record(tmp_path: Path) -> None:
    workflows = SignalledWorkflows()

    async def temporal() -> Any:
        return workflows

    async with web_place(tmp_path, find_temporal=temporal) as place:
        assert await send(place, "scale", replicas="3") == 404

    assert workflows.signals == []
