"""Images in the registry, builds that failed, and providers as their pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airunway.messages.installation import Operation, PreflightAnswer
from airunway.messages.installation_workflow import InstallationOutcome, InstallationStage, InstallationView
from airunway.modelimage.records import ImageRecord, RecordState
from airunway.web.pages.image_routes import MAX_SHOWN
from airunway.web.pages.image_views import failed_images, kept_images, place_of
from airunway.web.pages.lenient import MAX_BEGINNING
from airunway.web.pages.provider_views import (
    NOT_INSTALLED,
    is_working,
    last_outcome,
    operations,
    refused_because,
    shown_provider,
)
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace

NOW = datetime.now(UTC)
WEEK = timedelta(days=7)


def record(name: str, days: int, *, digest: str = "", state: RecordState | None = None) -> ImageRecord:
    used = NOW - timedelta(days=days)
    ready = next(one for one in RecordState if one not in (RecordState.BUILDING, RecordState.REMOVING))
    return ImageRecord(
        state=state or ready, name=name, bytes=10**9, namespace="team", digest=digest, since=used, used=used
    )


def test_what_becomes_of_images() -> None:
    records = {
        "a": record("used", 30, digest="sha256:a"),
        "b": record("old", 20, digest="sha256:b"),
        "c": record("young", 1, digest="sha256:c"),
        "d": record("leaving", 25, state=RecordState.REMOVING),
        "e": record("coming", 0, state=RecordState.BUILDING),
    }
    deployment = {"status": {"image": {"digest": "sha256:a"}}}

    shown = kept_images(records, [deployment, {}], retention=WEEK)

    fates = {image.name: image.fate for image in shown}
    assert list(fates) == ["used", "leaving", "old", "young", "coming"]
    assert fates["used"].startswith("stays: a deployment uses it")
    assert fates["old"].startswith("may go")
    assert fates["young"].startswith("stays until")
    assert (fates["leaving"], fates["coming"]) == ("is being removed", "is being built")


@pytest.mark.parametrize(
    ("wanted", "minutes", "fate"),
    [
        ({"a"}, 5, "is being built"),
        (None, 5, "is being built"),
        (set(), 0, "is being built"),
        (set(), 5, "was being built; nobody waits for it any more"),
    ],
    ids=["wanted", "not known", "just begun", "cancelled"],
)
def test_a_build_that_nobody_waits_for_is_not_said_to_go_on(
    wanted: set[str] | None, minutes: int, fate: str
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    begun = record("coming", 0, state=RecordState.BUILDING).model_copy(update={"since": since})

    (shown,) = kept_images({"a": begun}, [], retention=WEEK, wanted=wanted)

    assert shown.fate == fate


def test_builds_that_failed_and_only_they() -> None:
    def deployment(name: str, status: str, reason: str) -> dict[str, Any]:
        said = {"type": "ModelImageReady", "status": status, "reason": reason, "message": "why"}
        return {"metadata": {"namespace": "team", "name": name}, "status": {"conditions": [said]}}

    objects = [
        deployment("a", "False", "ModelNotFound"),
        deployment("b", "False", "ImageBuilding"),
        deployment("c", "True", "ImageReady"),
        deployment("d", "False", "BuildStalled"),
    ]

    assert [entry.name for entry in failed_images(objects)] == ["a", "d"]


async def test_of_hundreds_of_builds_that_failed_the_others_are_counted(place: WebPlace) -> None:
    said = {"type": "ModelImageReady", "status": "False", "reason": "BuildFailed", "message": "w" * 10_000}
    for number in range(MAX_SHOWN + 7):
        meta = {"namespace": "team", "name": f"broken-{number:03}"}
        key = (meta["namespace"], meta["name"])
        place.state.fleet.deployments.objects[key] = {"metadata": meta, "status": {"conditions": [said]}}

    failed = ParsedPage((await place.get("/images")).body).by_id("failed").text

    assert failed.count("BuildFailed") == MAX_SHOWN and failed.endswith("7 more")
    assert len(failed) < MAX_SHOWN * (MAX_BEGINNING + 100)


@pytest.mark.parametrize(
    ("meta", "why_not"),
    [
        ({}, ""),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, "it is being deleted"),
        ({"annotations": {"airunway.ai/reconcile-paused": "true"}}, "it is paused"),
    ],
)
def test_what_is_not_built_again_now_says_why(meta: dict[str, Any], why_not: str) -> None:
    said = {"type": "ModelImageReady", "status": "False", "reason": "BuildStalled", "message": "why"}
    failed = {"metadata": {"namespace": "team", "name": "a", **meta}, "status": {"conditions": [said]}}

    assert [entry.why_not for entry in failed_images([failed])] == [why_not]


@pytest.mark.parametrize(
    ("workflow_id", "place"),
    [("modeldeployment/here/team/chat", ("team", "chat")), ("image/here/a/b", ("", "")), ("", ("", ""))],
)
def test_the_deployment_of_a_workflow(workflow_id: str, place: tuple[str, str]) -> None:
    assert place_of(workflow_id) == place


def config(name: str = "kaito", **status: Any) -> dict[str, Any]:
    rules = [{"condition": "low", "priority": 1}, {"condition": "high", "priority": 9}]
    return {"metadata": {"name": name}, "spec": {"selectionRules": rules}, "status": status}


def test_a_provider_that_is_ready() -> None:
    shown = shown_provider(config(ready=True), used_by=2, alive_since=NOW)

    assert (shown.health, shown.message, shown.used_by) == ("good", "ready", 2)
    assert [rule.condition for rule in shown.rules] == ["high", "low"]


def test_a_worker_that_is_silent_makes_it_unready() -> None:
    old = (NOW - timedelta(hours=1)).isoformat()

    shown = shown_provider(config(ready=True, lastHeartbeat=old), used_by=0, alive_since=NOW)

    assert (shown.is_ready, shown.health) == (False, "bad")
    assert "has not been heard of" in shown.message


@pytest.mark.parametrize(
    ("name", "given", "install", "uninstall"),
    [
        ("kaito", {}, "", ""),
        ("kaito", {"is_allowed": False}, "you may not do it", "you may not do it"),
        ("kaito", {"is_working": True}, "something is being done", "something is being done"),
        ("kaito", {"obstacle": "no installer listens"}, "no installer", "no installer"),
        ("vllm", {}, "it needs no operator", "it needs no operator"),
        ("nobodys", {}, "names no chart", "names no chart"),
    ],
)
def test_why_an_operation_is_refused(name: str, given: dict[str, Any], install: str, uninstall: str) -> None:
    shown = shown_provider(config(name), used_by=0, alive_since=NOW)
    options = {"is_installed": True, "is_allowed": True, "is_working": False, **given}

    asked = {one.command: one.why_not for one in operations(shown, right="do it", **options)}

    assert install in asked["install"] and uninstall in asked["uninstall"]
    assert bool(asked["install"]) == bool(install)


def test_what_is_used_is_not_uninstalled() -> None:
    shown = shown_provider(config(), used_by=3, alive_since=NOW)

    asked = operations(shown, is_installed=True, is_allowed=True, right="do it", is_working=False)

    assert {one.command: one.why_not for one in asked if one.why_not} == {
        "uninstall": "used by 3 deployments: delete what uses it first"
    }
    plan = PreflightAnswer(used=["team/chat"])
    assert "team/chat" in refused_because(plan, Operation.UNINSTALL)
    assert refused_because(plan, Operation.INSTALL) == ""


@pytest.mark.parametrize(("count", "words"), [(0, "0 deployments"), (1, "1 deployment")])
def test_who_uses_a_provider_is_counted(count: int, words: str) -> None:
    assert shown_provider(config(), used_by=count, alive_since=NOW).users == words


@pytest.mark.parametrize(("is_installed", "is_offered"), [(True, True), (False, False), (None, True)])
def test_what_is_not_installed_is_not_upgraded(is_installed: bool | None, is_offered: bool) -> None:
    shown = shown_provider(config(), used_by=0, alive_since=NOW)

    asked = operations(shown, is_installed=is_installed, is_allowed=True, right="do it", is_working=False)

    refused = {one.command: one.why_not for one in asked if one.why_not}
    assert refused == ({} if is_offered else {"upgrade": NOT_INSTALLED})


def test_how_the_last_operation_ended() -> None:
    ended = {
        name: InstallationOutcome(
            succeeded=name == "new", message=name, ended=NOW + timedelta(seconds=second)
        )
        for second, name in enumerate(("old", "new"))
    }
    done = InstallationView(provider="kaito", outcomes=ended)
    working = done.model_copy(update={"stage": InstallationStage.RUNNING})

    outcome = last_outcome(done)
    assert outcome is not None and outcome.message == "new"
    assert (is_working(done), is_working(working), is_working(None)) == (False, True, False)
    assert last_outcome(working) is None and last_outcome(None) is None
