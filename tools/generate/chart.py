"""Render the project's Helm chart without a cluster. `chart_process` is the other side."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from airunway.api.names import SYSTEM_NAMESPACE

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "deploy" / "charts" / "airunway"
PROVIDERS = sorted(file.stem for file in CHART.glob("files/providers/*.yaml"))
TIMEOUT_SECONDS = 300


class ChartObject(NamedTuple):
    """One rendered object."""

    template: str
    """Below templates/, e.g. `installer/rbac.yaml`."""
    content: dict[str, Any]


class Refused(Exception):
    """Helm does not render the chart with these values; its words."""


def render(
    *values: Mapping[str, Any], namespace: str = SYSTEM_NAMESPACE, chart: Path = CHART
) -> list[list[ChartObject]]:
    """The chart with each of these values, in one process. Raises Refused for the first that Helm refuses."""
    return [_objects(answer) for answer in answers(*values, namespace=namespace, chart=chart)]


def answers(
    *values: Mapping[str, Any], namespace: str = SYSTEM_NAMESPACE, chart: Path = CHART
) -> Sequence[Mapping[str, Any]]:
    """What `chart_process` answers for each of these values."""
    asked = [{"chart": str(chart), "values": given, "namespace": namespace} for given in values]
    done = subprocess.run(
        [sys.executable, "-m", "tools.generate.chart_process"],
        cwd=ROOT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"the chart could not be rendered: {done.stderr[-2000:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def only(*providers: str) -> dict[str, Any]:
    """Values by which these providers are served, and no others."""
    return {name: {"enabled": name in providers} for name in PROVIDERS}


def _objects(answer: Mapping[str, Any]) -> list[ChartObject]:
    if "refused" in answer:
        raise Refused(answer["refused"])
    return [
        ChartObject(entry["source"].partition("/templates/")[2], entry["object"])
        for entry in answer["manifests"]
    ]
