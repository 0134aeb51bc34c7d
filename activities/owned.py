"""What a request says, compared with the owner of the thing: refused for good where the two differ.

Requests come through Temporal, and whoever reaches it can have any step done with any request. So a step
takes from its request which object is meant and what was decided, and each fact about the object from the
object. A difference that time explains (another generation, a deletion) is answered, not refused: the
workflow looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio.exceptions import ApplicationError

from airunway.api import names
from airunway.messages.failures import NOT_AS_OWNED
from airunway.messages.refs import DeploymentRef


def refused(message: str) -> ApplicationError:
    """The failure of a request that its owner does not bear out; final, since it stays wrong."""
    return ApplicationError(message, type=NOT_AS_OWNED, non_retryable=True)


def refuse_unless_deleted(obj: Mapping[str, Any], ref: DeploymentRef, what: str) -> None:
    """See that somebody asked the API server for a deployment's deletion. `what`: would be done else."""
    if not obj["metadata"].get("deletionTimestamp"):
        raise refused(f"{what} refused: deployment {ref} is not being deleted; delete it with kubectl first")


def named_provider(obj: Mapping[str, Any]) -> str:
    """The provider that a deployment's spec names; empty when it leaves the choice."""
    return _text(obj, "spec", "provider", "name")


def recorded_provider(obj: Mapping[str, Any]) -> str:
    """The provider that a deployment's status names; empty before it has one."""
    return _text(obj, "status", "provider", "name")


def acting_providers(obj: Mapping[str, Any]) -> set[str]:
    """The provider that a deployment's status or spec names, and those whose finalizers say that they act.

    A status may be overwritten by somebody else; a finalizer is put on before anything is made. Empty: none
    is chosen.
    """
    chosen = {recorded_provider(obj) or named_provider(obj)} - {""}
    return chosen | set(names.providers_of(obj["metadata"].get("finalizers") or ())) if chosen else chosen


def named_engine(obj: Mapping[str, Any]) -> str:
    """The engine that a deployment's spec names; empty when it leaves the choice."""
    return _text(obj, "spec", "engine", "type")


def leaves_a_choice(obj: Mapping[str, Any]) -> bool:
    """Whether a deployment's spec and status leave it open which provider or engine it is for."""
    engine = named_engine(obj) or _text(obj, "status", "engine", "type")
    return not (engine and (named_provider(obj) or recorded_provider(obj)))


def named_images(obj: Mapping[str, Any]) -> set[str]:
    """The images that a deployment's spec names."""
    return {_text(obj, "spec", "engine", "image"), _text(obj, "spec", "image")} - {""}


def wanted_model(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Repository, revision and Secret with the token, as a deployment says from which it wants its model."""
    annotations = obj["metadata"].get("annotations") or {}
    return (
        _text(obj, "spec", "model", "id"),
        str(annotations.get(names.ANNOTATION_MODEL_REVISION) or "").strip() or "main",
        _text(obj, "spec", "secrets", "huggingFaceToken"),
    )


def gateway_enabled(obj: Mapping[str, Any]) -> bool | None:
    """spec.gateway.enabled; None: it is published where that is possible."""
    gateway = (obj.get("spec") or {}).get("gateway")
    enabled = gateway.get("enabled") if isinstance(gateway, Mapping) else None
    return enabled if isinstance(enabled, bool) else None


def is_pretence(obj: Mapping[str, Any]) -> bool:
    """Whether a deployment runs with a pretended backend, for tests: it is not published (gateway.md §2)."""
    annotations = obj["metadata"].get("annotations") or {}
    return annotations.get(names.ANNOTATION_TEST_BACKEND) == names.TEST_BACKEND_MOCKER


def _text(obj: Mapping[str, Any], *path: str) -> str:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value.strip() if isinstance(value, str) else ""
