"""Read the state of a vLLM Deployment. Pure. Source: vllm.md §12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.status import UnifiedStatus
from airunway.provider import deployment_status, server_pod


def read_status(workload: Mapping[str, Any]) -> UnifiedStatus:
    """The Deployment's state; its Service has the same name."""
    return deployment_status(workload, port=server_pod.PORT)
