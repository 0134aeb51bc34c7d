"""Addresses in Temporal's UI: one workflow, or a list that a filter gives. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, quote_plus

from airunway.api.status import Phase
from airunway.console.queries import deployments_query, literal
from airunway.messages.model_image_workflow import MODEL_IMAGE_WORKFLOW
from airunway.workers.temporal.target import TemporalTarget

BUILDING = f"WorkflowType = '{MODEL_IMAGE_WORKFLOW}' AND ExecutionStatus = 'Running'"
"""Builds, also those that wait for a free builder."""


def workflow_link(target: TemporalTarget, workflow_id: str) -> str:
    """The newest run of a workflow."""
    return f"{_namespace(target)}/workflows/{quote(workflow_id, safe='')}"


def filter_link(target: TemporalTarget, query: str) -> str:
    """The list of workflows that a visibility query gives."""
    return f"{_namespace(target)}/workflows?query={quote_plus(query)}"


def filter_links(
    target: TemporalTarget, cluster: str, *, providers: Sequence[str] = ()
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


def _namespace(target: TemporalTarget) -> str:
    return f"{target.ui}/namespaces/{quote(target.namespace, safe='')}"
