"""Get a chart from where it is, and check that it is what was announced.

Helm downloads; that the archive has the digest the repository's index names is checked here, because
Helm itself takes the index's word for nothing but a key of its cache.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from airunway.clients.helm.archive import digest_of
from airunway.clients.helm.driver import Driver, HelmSays, Obj, OnLine


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


def fetch(driver: Driver, ref: Obj, folder: Path, on_line: OnLine) -> LocalChart:
    """The chart of a reference (`model.ChartRef` as a dictionary), downloaded if need be."""
    chart, repository = ref["chart"], ref["repository_url"]
    if not is_remote(chart) and not repository:
        path = _local(chart)
    else:
        where = f" from {repository}" if repository and not is_remote(chart) else ""
        on_line(f"downloading chart {chart} {ref['version']}".rstrip() + where)
        path = _download(driver, ref, folder)
    digest = "" if path.is_dir() else digest_of(path)
    if ref["digest"] and digest != ref["digest"]:
        raise _mismatch(chart, digest, announced=ref["digest"])
    found = LocalChart(path, digest, driver.metadata(path))
    if repository and not is_remote(chart):
        _check(found, wanted=ref["version"], index=driver.announced(repository, _name(chart)))
    return found


def _local(chart: str) -> Path:
    path = Path(chart).expanduser()
    if not path.exists():
        hint = "" if is_local(chart) else "; a chart of a repository needs the repository's address"
        raise HelmSays(f"path {chart} not found{hint}")
    return path


def _download(driver: Driver, ref: Obj, folder: Path) -> Path:
    chart = ref["chart"]
    repository = "" if is_remote(chart) else ref["repository_url"]
    folder.mkdir()
    driver.pull(
        _name(chart) if repository else chart,
        repository_url=repository,
        version=ref["version"],
        folder=folder,
        plain_http=_is_loopback(chart),
    )
    archive = next((file for file in sorted(folder.iterdir()) if file.is_file()), None)
    if archive is None:
        raise HelmSays(f"nothing was downloaded for {chart}: not found")
    return archive


def _name(chart: str) -> str:
    """`workspace` of `kaito/workspace`."""
    return chart.split("/", 1)[-1]


def _check(found: LocalChart, *, wanted: str, index: dict[str, str]) -> None:
    """The archive is the one the index announces: its version, the version wanted, and the digest of that."""
    name, version = found.metadata["name"], str(found.metadata["version"])
    known = {key.removeprefix("v") for key in index}
    another = wanted.removeprefix("v") in known and wanted.removeprefix("v") != version.removeprefix("v")
    if version not in index or another:
        raise HelmSays(
            f"{name} {version} is another version than announced: content does not match the index"
        )
    if index[version] and index[version] != found.digest:
        raise _mismatch(f"{name} {version}", found.digest, announced=index[version])


def announced(index: Obj, chart: str) -> dict[str, str]:
    """Versions of a chart and their digests, from a repository's index."""
    entries = (index.get("entries") or {}).get(chart) or ()
    digests = {str(entry["version"]): str(entry.get("digest") or "") for entry in entries}
    return {
        version: digest if not digest or ":" in digest else f"sha256:{digest}"
        for version, digest in digests.items()
    }


def _mismatch(chart: str, digest: str, *, announced: str) -> HelmSays:
    return HelmSays(f"{chart} has another digest than announced: {digest}, not {announced}")


def _is_loopback(chart: str) -> bool:
    """Registries on this machine are spoken to without TLS, as container tools do."""
    host = urlsplit(chart).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
