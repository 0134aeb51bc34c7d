"""Look into a chart, packed or not, without unpacking it."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

VALUES_SCHEMA = "values.schema.json"


def digest_of(archive: Path) -> str:
    """`sha256:…` of a file."""
    with archive.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def has_values_schema(chart: Path) -> bool:
    """Whether the chart itself (not a sub-chart) brings a schema for its values."""
    if chart.is_dir():
        return (chart / VALUES_SCHEMA).is_file()
    with tarfile.open(chart) as packed:
        names = (member.name.removeprefix("./").split("/") for member in packed)
        return any(len(parts) == 2 and parts[1] == VALUES_SCHEMA for parts in names)
