"""One deployment in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airunway.web.derive.condition_words import condition_words
from airunway.web.pages.deployment_view import (
    buttons,
    deployment_page,
    no_scaling,
    shown_pods,
    waits_for,
)

ROOT = Path(__file__).parents[3]


def obj(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "chat", "namespace": "team", "uid": "u1"},
        "spec": {"model": {"id": "acme/tiny"}, "scaling": {"replicas": 2}},
        "status": status,
    }


def condition(kind: str, status: str, reason: str = "Because", message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("kind", "status", "words", "tone"),
    [
        ("Ready", "True", "it serves requests", "good"),
        ("Ready", "False", "it does not serve yet", "bad"),
        ("Ready", "Unknown", "not known whether it serves requests", "open"),
        ("Stalled", "True", "it does not get on by itself", "bad"),
        ("FieldsContested", "False", "nobody else writes its fields", "good"),
        ("Reconciling", "True", "it is on its way to what the spec asks for", "open"),
        ("FieldsHonoured", "False", "the provider has no use for some fields", "open"),
    ],
)
def test_a_condition_in_words(kind: str, status: str, words: str, tone: str) -> None:
    (shown,) = deployment_page(obj(conditions=[condition(kind, status)])).conditions

    assert (shown.words, shown.tone) == (words, tone)


def test_a_condition_that_nobody_knows_is_shown_by_its_name() -> None:
    (shown,) = deployment_page(obj(conditions=[condition("Odd", "False")])).conditions

    assert shown.words == "not Odd"


def test_every_condition_of_the_reference_has_words() -> None:
    page = (ROOT / "docs" / "reference" / "conditions.md").read_text()
    listed = page.partition("| Condition | Reasons |")[2].partition("\n\n")[0]
    kinds = re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)

    assert len(kinds) > 10
    assert [kind for kind in kinds if condition_words(kind, "True") == kind] == []


def test_one_without_a_status() -> None:
    shown = deployment_page({"metadata": {"name": "chat"}})

    assert (shown.phase, shown.conditions, shown.curl) == ("not taken up", [], "")


def test_a_call_of_what_is_not_published_goes_through_a_forwarded_port() -> None:
    shown = deployment_page(obj(endpoint={"service": "chat", "port": 8080}))

    assert "kubectl -n team port-forward service/chat 8000:8080" in shown.curl
    assert '"model": "acme/tiny"' in shown.curl


def test_a_call_of_what_is_published_goes_to_its_address() -> None:
    gateway = {"url": "http://models.example.com", "modelName": "tiny"}
    shown = deployment_page(obj(gateway=gateway, conditions=[condition("GatewayReady", "True")]))

    assert "curl http://models.example.com/v1/chat/completions" in shown.curl


@pytest.mark.parametrize("service", ["a; rm -rf /", "$(id)", "x' y"])
def test_a_name_does_not_become_a_command(service: str) -> None:
    shown = deployment_page(obj(endpoint={"service": service, "port": 1}))

    assert f"service/{service} " not in shown.curl


def labels(given: dict[str, Any], **known: Any) -> dict[str, str]:
    return {entry.command: entry.why_not for entry in buttons(deployment_page(given), given, **known)}


def test_what_may_be_asked_of_one_that_runs() -> None:
    assert labels(obj(phase="Running", conditions=[condition("Ready", "True")])) == {
        "retry": "nothing failed; phase is Running",
        "cancel_build": "no image is being built",
        "pause": "",
    }


def test_what_failed_beside_what_runs_may_be_tried_again() -> None:
    half = obj(phase="Running", conditions=[condition("ProviderHealthy", "False")])

    assert labels(half)["retry"] == ""


def test_the_workflow_knows_better_what_it_would_refuse() -> None:
    view = {"refusals": {"retry": "another controller acts on it", "pause": "it is paused already"}}

    assert labels(obj(phase="Failed"), view=view) == {
        "retry": "another controller acts on it",
        "cancel_build": "",
        "pause": "it is paused already",
    }


def test_the_answer_of_an_older_worker_leaves_it_to_the_status() -> None:
    assert labels(obj(phase="Running"), view={"step": "waiting"})["retry"].startswith("nothing failed")


def test_nothing_is_asked_where_nobody_can_be_asked() -> None:
    failed = obj(phase="Failed", conditions=[condition("ModelImageReady", "False", "ImageBuilding")])

    asked = labels(failed, unreachable="Temporal does not answer")

    assert set(asked.values()) == {"Temporal does not answer"}


@pytest.mark.parametrize(
    ("mode", "is_leaving", "words"),
    [
        ("aggregated", False, ""),
        ("disaggregated", False, "its prefill and decode workers are counted apart: edit it"),
        ("aggregated", True, "it is being deleted"),
    ],
)
def test_when_a_number_of_replicas_would_change_nothing(mode: str, is_leaving: bool, words: str) -> None:
    given = obj(phase="Running")
    given["spec"]["serving"] = {"mode": mode}
    given["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if is_leaving else {}

    assert no_scaling(deployment_page(given), given) == words


def test_a_build_that_is_under_way_may_be_cancelled() -> None:
    building = obj(phase="Pending", conditions=[condition("ModelImageReady", "False", "ImageBuilding")])

    assert labels(building)["cancel_build"] == ""


def test_what_is_paused_may_be_resumed() -> None:
    assert labels(obj(conditions=[condition("Paused", "True")])) == {
        "retry": "it is paused",
        "cancel_build": "no image is being built",
        "resume": "",
    }


def test_nothing_is_asked_of_one_that_is_being_deleted() -> None:
    leaving = obj(phase="Running")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert set(labels(leaving).values()) == {"it is being deleted"}


def pod(name: str, *, ready: bool, **state: Any) -> dict[str, Any]:
    entry = {"name": "main", "ready": ready, "restartCount": 2, "state": state}
    return {
        "metadata": {"name": name, "uid": name},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Pending", "containerStatuses": [entry]},
    }


def test_pods_that_are_not_ready_come_first_with_their_cause() -> None:
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "hf" not found'}

    good, bad = shown_pods([pod("a", ready=True), pod("b", ready=False, waiting=waiting)])[::-1]

    assert (good.name, bad.name, bad.restarts, bad.containers) == ("a", "b", 2, ("main",))
    assert "hf" in bad.causes[0]


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (None, ""),
        ({"waiting": False}, ""),
        ({"waiting": True}, "a change of the deployment or of its objects"),
        (
            {"waiting": True, "state": {"model_image": {"workflow_id": "image/x", "phase": "building"}}},
            "the image",
        ),
        ({"waiting": True, "state": {"installation": {"provider": "kaito"}}}, "the installation of kaito"),
        ({"waiting": True, "state": {"paused_by": {"by": "alice"}}}, "somebody to resume it"),
        (
            {"waiting": True, "next_reconcile_at": "2026-01-01T00:00:00Z"},
            "its next look at 2026-01-01T00:00:00Z",
        ),
    ],
)
def test_what_it_waits_for(view: dict[str, Any] | None, words: str) -> None:
    assert words in waits_for(view)
