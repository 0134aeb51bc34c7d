"""Render the chart as often as is asked on standard input, and answer on standard output, both as JSON.

    python -m tools.generate.chart_process

A process of its own, because Helm's library brings a Go runtime along (`airunway.clients.helm.process`).
Asked: a list of `{"chart": folder, "values": …, "namespace": …}`; answered, for each, `{"manifests": […]}`
or, where Helm refuses, `{"refused": why}`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from airunway.clients.helm.driver import HelmSays
from airunway.clients.helm.library import Library
from airunway.clients.helm.manifests import manifests

RELEASE = "airunway"
KUBERNETES = "v1.34.0"
"""Some version that the chart takes: it renders alike for all of them."""


def answer(library: Library, asked: dict[str, Any]) -> dict[str, Any]:
    """What one rendering gives."""
    request = {
        "name": RELEASE,
        "namespace": asked["namespace"],
        "values": asked["values"],
        "kube_version": KUBERNETES,
        "api_versions": [],
        "is_upgrade": False,
    }
    try:
        rendering = library.render(Path(asked["chart"]), request)
        return {"manifests": manifests(rendering.templates), "notes": rendering.notes}
    except HelmSays as err:
        return {"refused": err.text}


def main() -> None:
    """Serve the requests."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(
            kubeconfig="", context="", namespace="", on_line=lambda _line: None, folder=Path(folder)
        )
        answers = [answer(library, asked) for asked in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
