"""The charts of tests/charts, copied with names of the test's own, and packed as `helm package` packs."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[2] / "charts"
GROUP = "example.test"
"""API group of the charts' definitions, to be replaced: a real cluster is shared by all tests."""


def copy_chart(name: str, folder: Path, *, group: str = GROUP, version: str = "") -> Path:
    """A chart in a folder, with another API group and version."""
    target = folder / name
    shutil.copytree(CHARTS / name, target)
    for file in target.rglob("*.yaml"):
        file.write_text(file.read_text().replace(GROUP, group))
    if version:
        file = target / "Chart.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"version": version}))
    return target


def metadata(chart: Path) -> dict[str, Any]:
    """Chart.yaml."""
    return dict(yaml.safe_load((chart / "Chart.yaml").read_text()))


def pack(chart: Path) -> bytes:
    """The archive of a chart's folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(chart, arcname=metadata(chart)["name"])
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
