"""Deployments are counted as the contract says (core.md §15): what was seen first is no change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airunway.messages.refs import DeploymentRef
from airunway.metrics.families import register_provider
from airunway.metrics.registry import EXPOSITION
from airunway.workers.audit.deployment_book import DeploymentBook
from airunway.workers.audit.metrics import FleetMetrics
from tests.metrics.scraping import Series, series, value

CREATED = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = CREATED

    def __call__(self) -> float:
        return self.now


class Book:
    """A book, and the world that it is written in."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.book = DeploymentBook(self.clock)

    def saw(self, name: str, phase: str, provider: str = "kaito", **more: Any) -> None:
        reason = more.pop("reason", "matched a rule")
        status: dict[str, Any] = {"phase": phase, "replicas": more.pop("replicas", {})}
        if provider:
            status["provider"] = {"name": provider, "selectedReason": reason}
        meta = {"name": name, "namespace": "ml", "creationTimestamp": "2023-11-14T22:13:20Z"}
        self.book.saw(ref(name), {"metadata": meta, "status": status})


def ref(name: str) -> DeploymentRef:
    return DeploymentRef(cluster="here", namespace="ml", name=name)


@pytest.fixture
def book() -> Iterator[Book]:
    with FleetMetrics().leading():
        register_provider("kaito")
        yield Book()


def now() -> Series:
    return series(EXPOSITION.text())


def transitions(found: Series) -> dict[tuple[str, str], float]:
    return {
        (dict(labels)["from_phase"], dict(labels)["to_phase"]): count
        for (name, labels), count in found.items()
        if name == "airunway_deployment_phase_transitions_total" and count
    }


def test_a_rollout_is_measured_from_creation_and_from_deploying(book: Book) -> None:
    book.saw("chat", "Pending")
    book.clock.now += 20
    book.saw("chat", "Deploying", replicas={"desired": 2, "ready": 0})
    book.clock.now += 90
    book.saw("chat", "Running", replicas={"desired": 2, "ready": 2, "available": 2})
    book.saw("chat", "Running", replicas={"desired": 2, "ready": 1, "available": 1})

    found = now()
    assert transitions(found) == {("Pending", "Deploying"): 1, ("Deploying", "Running"): 1}
    assert value(found, "airunway_deployment_ready_duration_seconds_sum", provider="kaito") == 110
    assert value(found, "airunway_deployment_ready_duration_seconds_count", provider="kaito") == 1
    assert value(found, "airunway_deployment_provision_duration_seconds_sum", provider="kaito") == 90
    assert value(found, "airunway_deployment_status", provider="kaito", phase="Running") == 1
    assert value(found, "airunway_deployment_status", provider="kaito", phase="Deploying") == 0
    assert value(found, "airunway_deployment_replicas", provider="kaito", state="desired") == 2
    assert value(found, "airunway_deployment_replicas", provider="kaito", state="ready") == 1


def test_what_is_seen_first_is_no_change_and_has_no_duration(book: Book) -> None:
    book.saw("chat", "Running", reason="explicit provider selection")

    found = now()
    assert transitions(found) == {}
    assert value(found, "airunway_deployment_ready_duration_seconds_count", provider="kaito") == 0
    assert value(found, "airunway_provider_selection_total", provider="kaito", reason="manual") == 1
    assert value(found, "airunway_provider_selection_total", provider="kaito", reason="auto") == 0


def test_running_again_without_deploying_has_no_provision_time(book: Book) -> None:
    for phase in ("Deploying", "Running", "Failed", "Running"):
        book.saw("chat", phase)

    found = now()
    assert value(found, "airunway_deployment_ready_duration_seconds_count", provider="kaito") == 2
    assert value(found, "airunway_deployment_provision_duration_seconds_count", provider="kaito") == 0


def test_a_deployment_that_is_gone_leaves_the_gauges(book: Book) -> None:
    book.saw("chat", "Running", replicas={"desired": 3})
    book.saw("other", "Pending", provider="")
    book.book.gone(ref("chat"))
    book.book.gone(ref("never-seen"))

    found = now()
    assert value(found, "airunway_deployment_status", provider="kaito", phase="Running") == 0
    assert value(found, "airunway_deployment_replicas", provider="kaito", state="desired") == 0
    assert value(found, "airunway_deployment_status", provider="", phase="Pending") == 1


def test_a_providers_series_begin_at_zero(book: Book) -> None:
    found = now()

    pairs = [labels for name, labels in found if name == "airunway_deployment_phase_transitions_total"]
    assert len([labels for labels in pairs if ("provider", "kaito") in labels]) == 20
    assert value(found, "airunway_provider_selection_total", provider="kaito", reason="auto") == 0
    assert value(found, "airunway_deployment_provision_duration_seconds_count", provider="kaito") == 0


def test_ten_thousand_names_of_tenants_are_one_series(book: Book) -> None:
    before = set(now())  # of other tests in this process, too
    for number in range(10_000):
        book.saw(f"chat-{number}", "Pending" if number % 2 else f"x{number}", provider=f"made-up-{number}")

    found = now()
    names = {dict(labels)["provider"] for name, labels in found if name == "airunway_deployment_status"}
    phases = {dict(labels)["phase"] for name, labels in found if name == "airunway_deployment_status"}
    assert names == {"other"}
    assert phases == {"Pending", "other"}
    assert value(found, "airunway_deployment_status", provider="other", phase="Pending") == 5_000
    assert len(set(found) - before) < 100


def test_a_status_of_nonsense_is_counted_as_nothing(book: Book) -> None:
    meta = {"name": "chat", "namespace": "ml", "creationTimestamp": None}
    status = {"phase": "Running", "provider": {"name": "kaito"}, "replicas": {"desired": "many"}}
    book.saw("chat", "Deploying")

    book.book.saw(ref("chat"), {"metadata": meta, "status": status})

    assert value(now(), "airunway_deployment_replicas", provider="kaito", state="desired") == 0
    assert value(now(), "airunway_deployment_ready_duration_seconds_count", provider="kaito") == 0
