"""What the state of a RayService means here, where the reference reads it otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given


def applications(given: Given, part: str) -> list[Mapping[str, Any]]:
    found = ask.at(given["upstream"], "status", part, "applicationStatuses", default={})
    entries = sorted(found.items()) if isinstance(found, Mapping) else []
    return [entry for _, entry in entries if isinstance(entry, Mapping)]


def failed(entries: list[Mapping[str, Any]]) -> bool:
    return any(entry.get("status") == "DEPLOY_FAILED" for entry in entries)


def condition(given: Given, kind: str) -> Mapping[str, Any]:
    found = ask.at(given["upstream"], "status", "conditions", default=[])
    entries = [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    return next((entry for entry in reversed(entries) if entry.get("type") == kind), {})


def only_unreadable(given: Given) -> bool:
    """Whether the active cluster lists applications, and none of them is an object."""
    found = ask.at(given["upstream"], "status", "activeServiceStatus", "applicationStatuses", default={})
    return isinstance(found, Mapping) and bool(found) and not applications(given, "activeServiceStatus")


def as_if_none(given: Given, answer: Answer) -> Answer:
    said = condition(given, "RayServiceReady").get("status")
    phase = {"True": "Running", "False": "Deploying"}.get(str(said), "Pending")
    return answer if answer.get("error") else {**answer, "phase": phase}


def only_new_condition(given: Given) -> bool:
    known = condition(given, "RayServiceReady").get("status") in ("True", "False")
    return not known and condition(given, "Ready").get("status") in ("True", "False")


def with_new_condition(given: Given, answer: Answer) -> Answer:
    ready = condition(given, "Ready")
    active = applications(given, "activeServiceStatus")
    if failed(active):
        return {**answer, "message": answer["message"] or message_of(ready)}
    if ready["status"] == "False":
        return {**answer, "phase": "Deploying", "message": message_of(ready)}
    return answer if active else {**answer, "phase": "Running"}


def message_of(entry: Mapping[str, Any]) -> str:
    message = entry.get("message")
    return "<text>" if isinstance(message, str) and message else ""


def in_roll_out(given: Given) -> bool:
    pending = ask.at(given["upstream"], "status", "pendingServiceStatus", default={})
    upgrading = condition(given, "UpgradeInProgress").get("status") == "True"
    return upgrading or bool(ask.at(pending, "applicationStatuses") or ask.at(pending, "rayClusterName"))


def as_rolling_out(given: Given, answer: Answer) -> Answer:
    if answer.get("phase") != "Running" or failed(applications(given, "pendingServiceStatus")):
        return answer
    return {**answer, "phase": "Deploying", "message": "<text>"}


def as_failed(given: Given, answer: Answer) -> Answer:
    if answer.get("error") or answer["phase"] == "Failed":
        return answer
    return {**answer, "phase": "Failed", "message": "<text>"}


def with_fallback(given: Given, answer: Answer) -> Answer:
    return {**answer, "message": answer.get("message") or "<text>"}


def unseen_generation(given: Given) -> bool:
    return ask.is_older_than_generation(given, ask.at(given["upstream"], "status", "observedGeneration"))


def as_unseen(given: Given, answer: Answer) -> Answer:
    if answer.get("phase") not in ("Running", "Failed"):
        return answer
    return {**answer, "phase": "Deploying", "message": "<text>"}


def complaints(given: Given) -> Iterator[Any]:
    for part in ("activeServiceStatus", "pendingServiceStatus"):
        for entry in applications(given, part):
            if entry.get("status") != "RUNNING":
                yield entry.get("message")
                deployments = ask.at(entry, "serveDeploymentStatuses", default={})
                for deployment in deployments.values() if isinstance(deployments, Mapping) else ():
                    if ask.at(deployment, "status") != "HEALTHY":
                        yield ask.at(deployment, "message")


def has_complaint(given: Given) -> bool:
    return any(isinstance(entry, str) and entry for entry in complaints(given))


def with_complaint(given: Given, answer: Answer) -> Answer:
    if answer.get("phase") not in ("Pending", "Deploying"):
        return answer
    return {**answer, "message": answer.get("message") or "<text>"}
