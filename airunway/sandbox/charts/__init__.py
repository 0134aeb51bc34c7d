"""Charts of what the sandbox pretends: installing one brings CRDs and an operator's Deployment.

What the operators of these charts would do is done by `sandbox.operators`, once their Deployment is ready.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

_KAITO = "https://kaito-project.github.io/kaito/charts/kaito"
_KUBERAY = "https://ray-project.github.io/kuberay-helm/"
_DYNAMO = "https://helm.ngc.nvidia.com/nvidia/ai-dynamo/charts/dynamo-platform-"
_NVIDIA = "https://helm.ngc.nvidia.com/nvidia"
_NOWHERE = "without-a-pretend-chart"


def mirrors() -> dict[str, str]:
    """Chart mirrors for the sandbox: four repositories are here, and nothing is fetched from outside."""
    folder = _folder()
    dynamo = folder / "dynamo" / "dynamo-platform"
    version = yaml.safe_load((dynamo / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    return {
        _KAITO: f"{folder}/kaito/",
        _KUBERAY: f"{folder}/kuberay/",
        _NVIDIA: f"{folder}/nvidia/",
        f"{_DYNAMO}{version}.tgz": str(dynamo),
        "https://": f"{folder}/{_NOWHERE}/",
        "oci://": f"{folder}/{_NOWHERE}/",
    }


def objects(chart: str) -> list[dict[str, Any]]:
    """What a chart brings, for a cluster that is to look as if it was installed long ago."""
    files = sorted((_folder() / chart / "files").glob("*.yaml"))
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def _folder() -> Path:
    return Path(str(resources.files(__name__)))
