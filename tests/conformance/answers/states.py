"""`provider_status`: what does the state of an upstream object mean?"""

from __future__ import annotations

from typing import Any

from airunway.provider.registry import installed_providers
from tests.conformance.answers.question import Question
from tests.conformance.compare import some_text
from tests.conformance.departures import REFUSED
from tests.conformance.diff import Document
from tests.conformance.loader import Vector

COUNTS = ("desired", "ready", "available")


def counts(replicas: Any) -> dict[str, int]:
    """Replica counts; none at all and all zero are equal."""
    return {count: (replicas or {}).get(count) or 0 for count in COUNTS}


def recorded(want: dict[str, Any]) -> Document:
    if want.get("error"):
        return REFUSED
    return {
        "phase": want["phase"],
        "message": some_text(want["message"]),
        "replicas": counts(want["replicas"]),
        "endpoint": want["endpoint"],
        "resource_name": want["resource_name"],
        "resource_kind": want["resource_kind"],
    }


def ours(provider: str, upstream: Any) -> Document:
    try:
        status = installed_providers()[provider].read_status(upstream)
    except ValueError:
        return REFUSED
    return {
        "phase": status.phase.value,
        "message": some_text(status.message),
        "replicas": counts(status.replicas.dump() if status.replicas else None),
        "endpoint": status.endpoint.dump() if status.endpoint else None,
        "resource_name": status.resource_name,
        "resource_kind": status.resource_kind,
    }


def answers(vector: Vector) -> tuple[Document, Document]:
    return recorded(vector.expect), ours(vector.file, vector.input["upstream"])


STATES = Question(
    name="provider_status", group="provider_status", files=tuple(installed_providers()), answers=answers
)
