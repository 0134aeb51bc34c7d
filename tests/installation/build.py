"""Provider configs for tests."""

from __future__ import annotations

import json
from typing import Any

KAITO_CHART = {
    "name": "kaito-workspace",
    "chart": "kaito/workspace",
    "version": "0.10.0",
    "namespace": "kaito-workspace",
    "createNamespace": True,
}
REPO = {"name": "kaito", "url": "https://kaito-project.github.io/kaito/charts/kaito"}
CHART = {"name": "r", "chart": "a/b", "namespace": "n", "version": "1.0.0"}
ANOTHER_REPO = {"name": "a", "url": "https://charts.example.com/a"}


def config(
    name: str = "acme",
    *,
    installation: Any = None,
    health: Any = None,
    engines: Any = None,
    status: dict[str, Any] | None = None,
    **annotations: str,
) -> dict[str, Any]:
    """An InferenceProviderConfig; keyword annotations are below `airunway.ai/`, with dashes."""
    given = {f"airunway.ai/{key.replace('_', '-')}": value for key, value in annotations.items()}
    for key, value in (("installation", installation), ("health", health)):
        if value is not None:
            given[f"airunway.ai/{key}"] = value if isinstance(value, str) else json.dumps(value)
    spec = {"capabilities": {"engines": [{"name": "vllm"}] if engines is None else engines}}
    return {"metadata": {"name": name, "annotations": given}, "spec": spec, "status": status or {}}
