"""Where several clusters share a Temporal, the first page counts the deployments of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airunway.console.workflow_state import WorkflowState
from airunway.operations.errors import NotDelivered
from airunway.web.pages import fleet_routes
from airunway.web.pages.other_clusters import ClusterCount, counted
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace


def state(workflow_id: str, phase: str = "") -> WorkflowState:
    attributes = {"AirunwayPhase": phase} if phase else {}
    when = datetime.now(UTC)
    return WorkflowState(
        workflow_id=workflow_id, run_id="r", status="running", started_at=when, attributes=attributes
    )


def test_deployments_are_counted_by_cluster_and_phase() -> None:
    states = [
        state("modeldeployment/west/a/chat", "Running"),
        state("modeldeployment/east/a/chat", "Failed"),
        state("modeldeployment/west/b/with/slash", "Running"),
        state("modeldeployment/west/b/new"),
        state("something-else"),
    ]

    found = counted(states, target_of(Settings(temporal_ui="")))

    assert [(entry.name, entry.total, list(entry.phases)) for entry in found] == [
        ("east", 1, [("Failed", 1)]),
        ("west", 3, [("Running", 2), ("not taken up", 1)]),
    ]


async def shown(place: WebPlace, monkeypatch: pytest.MonkeyPatch, *names: str) -> ParsedPage:
    async def count(*_: Any) -> list[ClusterCount]:
        return [ClusterCount(name, 3, [("Running", 3)]) for name in names]

    async def client() -> Any:
        return None

    monkeypatch.setattr(fleet_routes, "count_clusters", count)
    monkeypatch.setattr(place.state, "find_temporal", client)
    page = ParsedPage((await place.get("/")).body)
    page.check()
    return page


async def test_several_clusters_are_shown_and_one_alone_is_not(
    place: WebPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await shown(place, monkeypatch, "here", "west")
    place.state.fleet_counts.forget("")
    alone = await shown(place, monkeypatch, "here")

    assert "here this one" in page.by_id("clusters").text and "west" in page.by_id("clusters").text
    assert not alone.all("section", id="clusters")


async def test_without_temporal_the_page_is_shown_and_nobody_waits_again(
    place: WebPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def away() -> Any:
        nonlocal asked
        asked += 1
        raise NotDelivered("Temporal is away")

    monkeypatch.setattr(place.state, "find_temporal", away)

    assert [(await place.get("/")).status for _ in range(2)] == [200, 200]
    assert asked == 1


async def test_who_may_not_list_everything_is_told_nothing_of_others(
    place: WebPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def may(*_: Any) -> bool:
        return False

    monkeypatch.setattr(place.state.rights, "may", may)

    page = await shown(place, monkeypatch, "here", "west")

    assert not page.all("section", id="clusters")
