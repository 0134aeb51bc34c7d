"""Addresses in Temporal's UI: one workflow, or a list that a filter gives. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote, quote_plus

from airunway.api.names import MODEL_IMAGE_WORKFLOW
from airunway.api.phase import Phase
from airunway.console.queries import deployments_query, literal

BUILDING = f"WorkflowType = '{MODEL_IMAGE_WORKFLOW}' AND ExecutionStatus = 'Running'"
"""Builds, also those that wait for a free builder."""


class LinkedNamespace(Protocol):
    """A Temporal namespace that has a UI."""

    @property
    def namespace(self) -> str:
        """Its name."""
        ...

    @property
    def ui(self) -> str:
        """Address of the UI, without a slash at the end."""
        ...


def workflow_link(target: LinkedNamespace, workflow_id: str) -> str:
    """The newest run of a workflow."""
    return f"{_namespace(target)}/workflows/{quote(workflow_id, safe='')}"


def filter_link(target: LinkedNamespace, query: str) -> str:
    """The list of workflows that a visibility query gives."""
    return f"{_namespace(target)}/workflows?query={quote_plus(query)}"


def filter_links(
    target: LinkedNamespace, cluster: str, *, providers: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """What a person looks for in one cluster, with its address: everything, failed, building, a provider's.

    `providers`: a link for each.
    """
    queries = [
        ("this cluster", deployments_query(cluster=cluster)),
        ("failed", deployments_query(cluster=cluster, phase=Phase.FAILED)),
        ("building", f"{BUILDING} AND WorkflowId STARTS_WITH {literal(f'image/{cluster}/')}"),
        *((f"on {name}", deployments_query(cluster=cluster, provider=name)) for name in providers),
    ]
    return [(label, filter_link(target, query)) for label, query in queries]


def _namespace(target: LinkedNamespace) -> str:
    return f"{target.ui}/namespaces/{quote(target.namespace, safe='')}"
