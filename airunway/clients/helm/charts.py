"""A chart on this disk, for Helm's child process: found, and checked to be the one that is wanted.

What is elsewhere was fetched before (`fetching`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from airunway.clients.helm.archive import MAX_UNPACKED, digest_of, is_bounded
from airunway.clients.helm.driver import Driver, HelmSays, Obj

_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+].*)?")


@dataclass(frozen=True)
class LocalChart:
    """A chart on this disk, known to be one; `digest` is empty for a folder."""

    path: Path
    digest: str
    metadata: Obj
    """Chart.yaml."""


def is_remote(chart: str) -> bool:
    """Whether the reference is an address."""
    return chart.startswith(("oci://", "https://", "http://"))


def is_local(chart: str) -> bool:
    """Whether the reference can only be a path."""
    return chart.startswith(("/", "./", "../", "~"))


def load(driver: Driver, ref: Obj) -> LocalChart:
    """The chart at `ref["chart"]`, of the version and digest that are wanted, where they are."""
    chart = ref["chart"]
    path = Path(chart)
    if not path.exists():
        hint = "" if is_local(chart) else "; a chart of a repository needs the repository's address"
        raise HelmSays(f"path {chart} not found{hint}")
    digest = "" if path.is_dir() else digest_of(path)
    if ref["digest"] and digest != ref["digest"]:
        raise HelmSays(f"it has another digest than announced: {digest or 'none'}, not {ref['digest']}")
    if not path.is_dir() and not is_bounded(path):
        raise HelmSays(f"invalid chart: it unpacks to more than {MAX_UNPACKED} bytes, which no chart needs")
    metadata = driver.metadata(path)
    version, wanted = str(metadata["version"]), ref["version"]
    if _EXACT.fullmatch(wanted) and version.removeprefix("v") != wanted.removeprefix("v"):
        raise HelmSays(
            f"{metadata['name']} {version} is another version than announced: {wanted} is wanted, so its "
            "content does not match the index"
        )
    return LocalChart(path, digest, metadata)
