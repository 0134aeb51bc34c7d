"""Questions to Temporal's visibility. Pure; apart, because a list needs nothing of what workflows carry."""

from __future__ import annotations

from airunway.api.names import CLUSTER_ATTRIBUTE, DEPLOYMENT_WORKFLOW, PHASE_ATTRIBUTE, PROVIDER_ATTRIBUTE


def deployments_query(
    *, cluster: str = "", phase: str = "", provider: str = "", id_prefix: str = "", only_open: bool = True
) -> str:
    """The visibility query for deployments' workflows; what is empty does not matter."""
    terms = [f"WorkflowType = {literal(DEPLOYMENT_WORKFLOW)}"]
    if only_open:
        terms.append("ExecutionStatus = 'Running'")
    terms += [
        f"{name} = {literal(value)}"
        for name, value in (
            (CLUSTER_ATTRIBUTE, cluster),
            (PHASE_ATTRIBUTE, phase),
            (PROVIDER_ATTRIBUTE, provider),
        )
        if value
    ]
    if id_prefix:
        terms.append(f"WorkflowId STARTS_WITH {literal(id_prefix)}")
    return " AND ".join(terms)


def literal(text: str) -> str:
    """A text as a visibility query quotes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
