"""Warnings beyond the reference's: what is admitted and will hardly work.

Source: crds.md, weak spots 12 and 16.
"""

from __future__ import annotations

from airunway.api.model_deployment import ModelDeployment
from airunway.selection.provider_lookup import Lookup, LookupProblem

MAX_LABEL_LENGTH = 63
"""Characters in a value of a label and in the name of a Service."""


def about_name(deployment: ModelDeployment) -> list[str]:
    """Names that Services or labels made from them refuse."""
    name, found = deployment.name, []
    if len(name) > MAX_LABEL_LENGTH:
        found.append(
            f"metadata.name has {len(name)} characters: labels and Services allow {MAX_LABEL_LENGTH}, "
            "so most providers cannot serve it"
        )
    if name[:1].isdigit():
        found.append(
            f"metadata.name {name[:MAX_LABEL_LENGTH]} starts with a digit: no Service can be named so"
        )
    return found


def about_provider(deployment: ModelDeployment, provider: Lookup | None) -> list[str]:
    """A pinned provider that nobody registered; with a pinned engine it is refused instead (V6)."""
    engine = deployment.spec.engine
    if provider is None or provider.problem is not LookupProblem.NOT_FOUND or (engine and engine.type):
        return []
    return [f'no such provider registered: "{deployment.provider_name}"; the deployment waits until it is']
