"""Read the state of llm-d's Deployments. Pure. Source: llmd.md §12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.api.status import Phase, UnifiedStatus
from airunway.provider import deployment_status, name_of, server_pod


def read_status(workload: Mapping[str, Any]) -> UnifiedStatus:
    """The primary Deployment's state; its Service has the same name."""
    return deployment_status(workload, port=server_pod.PORT)


def with_companions(status: UnifiedStatus, companions: Sequence[Mapping[str, Any]]) -> UnifiedStatus:
    """The state of all Deployments together; replicas and endpoint stay those of the primary.

    The reference looks at the decode Deployment alone, so that a prefill Deployment can fail unseen.
    """
    for companion in companions:
        if companion.get("kind") != server_pod.DEPLOYMENT.kind or status.phase is Phase.FAILED:
            continue
        other, name = read_status(companion), name_of(companion)
        status = status.model_copy(update={"roles": (*status.roles, *other.roles)})
        if other.phase is Phase.FAILED:
            status = status.model_copy(update={"phase": Phase.FAILED, "message": f"{name}: {other.message}"})
        elif other.phase is not Phase.RUNNING and status.phase is Phase.RUNNING:
            message = f"{name}: {other.message or 'its pods are not ready yet'}"
            status = status.model_copy(update={"phase": Phase.DEPLOYING, "message": message})
    return status
