"""What tests of several providers start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.provider import Manifest
from airunway.provider.policy import OverridesPolicy
from airunway.provider.testing import deployment

EXPECTED = Path(__file__).parent / "expected"
ANYTHING = OverridesPolicy(mode=OverridesMode.ANYTHING)
"""For tests of how overrides are merged, whatever a tenant may override."""


def runner(*, engine: dict[str, Any] | None = None, **fields: Any) -> ModelDeployment:
    """A llama.cpp deployment with a server image that holds no model."""
    wanted = {"gpus": 0, "image": "registry.example.com/server:1", **fields}
    return deployment(engine={"type": "llamacpp", **(engine or {})}, **wanted)


NO_RIGHTS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["NET_RAW"]}}
"""`securityContext` of a container under the standard `baseline`."""
ISOLATED = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
}
"""What every pod under it gives up."""


def expected(provider: str) -> list[Manifest]:
    """Objects that are compared whole."""
    return list(yaml.safe_load_all((EXPECTED / f"{provider}.yaml").read_text()))
