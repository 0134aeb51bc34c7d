"""Read the state of a Server. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_airunway.config import SERVER
from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider import count_at, is_observed, mapping_at, name_of

PORT = 8000


def read_status(obj: Mapping[str, Any]) -> UnifiedStatus:
    """Running when the operator says so of the generation that is wanted now."""
    wanted, name = count_at(obj, "spec", "replicas"), name_of(obj)
    status = mapping_at(obj, "status")
    ready = is_observed(obj) and status.get("ready") is True
    return UnifiedStatus(
        phase=Phase.RUNNING if ready else Phase.DEPLOYING,
        replicas=ReplicaStatus(
            desired=wanted, ready=wanted if ready else 0, available=wanted if ready else 0
        ),
        endpoint=EndpointStatus(service=name, port=PORT),
        resource_name=name,
        resource_kind=SERVER.kind,
    )
