"""Warnings beyond the reference's: what is admitted and will hardly work. Source: crds.md §14.12, §14.16."""

from __future__ import annotations

from api.model_deployment import ModelDeployment
from selection.lookup import Lookup, LookupProblem

LONGEST_LABEL = 63
"""Longest value of a label and longest name of a Service."""


def about_name(deployment: ModelDeployment) -> list[str]:
    """Names that Services or labels made from them refuse."""
    name, found = deployment.name, []
    if len(name) > LONGEST_LABEL:
        found.append(
            f"metadata.name has {len(name)} characters: labels and Services allow {LONGEST_LABEL}, "
            "so most providers cannot serve it"
        )
    if name[:1].isdigit():
        found.append(f"metadata.name {name[:LONGEST_LABEL]} starts with a digit: no Service can be named so")
    return found


def about_provider(deployment: ModelDeployment, provider: Lookup | None) -> list[str]:
    """A pinned provider that nobody registered; with a pinned engine it is refused instead (V6)."""
    engine = deployment.spec.engine
    if provider is None or provider.problem is not LookupProblem.NOT_FOUND or (engine and engine.type):
        return []
    return [f'no such provider registered: "{deployment.provider_name}"; the deployment waits until it is']
