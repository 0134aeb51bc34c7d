"""Get a chart from where it is, and check that it is what was announced.

Helm downloads; that the archive has the digest the repository's index names is checked here, because
Helm itself takes the index's word for nothing but a key of its cache.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from clients.helm.archive import digest_of
from clients.helm.driver import Driver, HelmSays, Obj, Tell


@dataclass(frozen=True)
class LocalChart:
    """A chart on this disk; `digest` is empty for a folder."""

    path: Path
    digest: str


def is_remote(chart: str) -> bool:
    """Whether the reference is an address."""
    return chart.startswith(("oci://", "https://", "http://"))


def is_local(chart: str) -> bool:
    """Whether the reference can only be a path."""
    return chart.startswith(("/", "./", "../", "~"))


def fetch(driver: Driver, ref: Obj, folder: Path, tell: Tell) -> LocalChart:
    """The chart of a reference (`model.ChartRef` as a dictionary), downloaded if need be."""
    chart, repository = ref["chart"], ref["repository_url"]
    if not is_remote(chart) and not repository:
        found = _local(chart)
    else:
        where = f" from {repository}" if repository and not is_remote(chart) else ""
        tell(f"downloading chart {chart} {ref['version']}".rstrip() + where)
        found = _download(driver, ref, folder)
        tell(f"downloaded {found.digest}")
    if ref["digest"] and found.digest != ref["digest"]:
        raise _mismatch(chart, found.digest, announced=ref["digest"])
    return found


def _local(chart: str) -> LocalChart:
    path = Path(chart).expanduser()
    if not path.exists():
        hint = "" if is_local(chart) else "; a chart of a repository needs the repository's address"
        raise HelmSays(f"path {chart} not found{hint}")
    return LocalChart(path, "" if path.is_dir() else digest_of(path))


def _download(driver: Driver, ref: Obj, folder: Path) -> LocalChart:
    chart, version = ref["chart"], ref["version"]
    repository = "" if is_remote(chart) else ref["repository_url"]
    name = chart.split("/", 1)[-1] if repository else chart
    folder.mkdir()
    driver.pull(
        name, repository_url=repository, version=version, folder=folder, plain_http=_is_loopback(chart)
    )
    archive = next((file for file in sorted(folder.iterdir()) if file.is_file()), None)
    if archive is None:
        raise HelmSays(f"nothing was downloaded for {chart}: not found")
    found = LocalChart(archive, digest_of(archive))
    if repository:
        metadata, _ = driver.describe(archive)
        announced = driver.announced_digest(repository, chart=name, version=metadata["version"])
        if announced and announced != found.digest:
            raise _mismatch(f"{name} {metadata['version']}", found.digest, announced=announced)
    return found


def _mismatch(chart: str, digest: str, *, announced: str) -> HelmSays:
    return HelmSays(f"{chart} has another digest than announced: {digest}, not {announced}")


def _is_loopback(chart: str) -> bool:
    """Registries on this machine are spoken to without TLS, as container tools do."""
    host = urlsplit(chart).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
