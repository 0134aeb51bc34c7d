"""Sample ModelDeployments that `airunway up` applies: one for each way to serve."""

from __future__ import annotations

from importlib import resources


def texts() -> dict[str, str]:
    """File name to YAML text of every sample, by name."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return {file.name: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".yaml")}
