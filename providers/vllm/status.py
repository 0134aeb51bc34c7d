"""Read the state of a vLLM Deployment. Pure. Source: vllm.md §12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.status import UnifiedStatus
from providers.vllm.args import PORT
from providers.workloads import deployment_status


def read_status(workload: Mapping[str, Any]) -> UnifiedStatus:
    """The Deployment's state; its Service has the same name."""
    return deployment_status(workload, port=PORT)
