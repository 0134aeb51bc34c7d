"""Questions to Temporal's visibility. Pure; apart, because a list needs nothing of what workflows carry."""

from __future__ import annotations

from airunway.api.names import DEPLOYMENT_WORKFLOW
from airunway.messages.search_attributes import CLUSTER, PHASE, PROVIDER


def deployments_query(
    *, cluster: str = "", phase: str = "", provider: str = "", id_prefix: str = "", only_open: bool = True
) -> str:
    """The visibility query for deployments' workflows; what is empty does not matter."""
    terms = [f"WorkflowType = {literal(DEPLOYMENT_WORKFLOW)}"]
    if only_open:
        terms.append("ExecutionStatus = 'Running'")
    terms += [
        f"{key.name} = {literal(value)}"
        for key, value in ((CLUSTER, cluster), (PHASE, phase), (PROVIDER, provider))
        if value
    ]
    if id_prefix:
        terms.append(f"WorkflowId STARTS_WITH {literal(id_prefix)}")
    return " AND ".join(terms)


def literal(text: str) -> str:
    """A text as a visibility query quotes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
