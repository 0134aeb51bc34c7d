"""What a provider says of the arguments that it passes on: by which grammar, and which it sets itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airunway.api.model_deployment import ModelDeployment
from airunway.engines.grammars import Grammar


@dataclass(frozen=True, kw_only=True)
class ArgumentRules:
    """For one deployment. `owned`: flag to a sentence that says who sets it already."""

    grammar: Grammar
    owned: Mapping[str, str] = field(default_factory=dict)


def said_by_fields(deployment: ModelDeployment, **flags: str) -> dict[str, str]:
    """Flags that typed fields of the deployment say already. `flags`: field to flag, where they differ."""
    model, engine = deployment.spec.model, deployment.spec.engine
    given = {
        "model": ("spec.model.id", bool((model.id or "").strip())),
        "served-model-name": ("spec.model.servedName", bool(model.served_name)),
        "max-model-len": (
            "spec.engine.contextLength",
            engine is not None and engine.context_length is not None,
        ),
    }
    return {
        flags.get(flag.replace("-", "_"), flag): f"{field} says the same and gives way; set only that field"
        for flag, (field, is_set) in given.items()
        if is_set
    }
