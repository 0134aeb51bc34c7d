"""Values that go into Helm and come out of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
"""States of a release that an operation is at work on, or was when it was cut off."""


@dataclass(frozen=True, kw_only=True)
class ChartRef:
    """Where a chart is."""

    chart: str
    """`repo/chart` with `repository_url`, `oci://…`, `https://….tgz`, or a local folder or archive."""
    repository_url: str = ""
    """Of a classic repository; only for `repo/chart`."""
    version: str = ""
    """Version or range; empty: the newest, or the one the reference itself names."""
    digest: str = ""
    """`sha256:…` the archive must have, besides what a repository's index says."""

    def __str__(self) -> str:
        return f"{self.chart} {self.version}".rstrip()


@dataclass(frozen=True, kw_only=True)
class ReleaseSpec:
    """What a release should be."""

    name: str
    namespace: str
    chart: ChartRef
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Nested document that overlays the chart's defaults; what an earlier revision was given is not kept."""
    create_namespace: bool = False
    skip_crds: bool = False
    """Leave out what the chart has in `crds/`; an upgrade never touches it."""
    timeout: timedelta = timedelta(minutes=5)
    """For each thing Helm waits for: every hook, and all objects together."""
    wait: bool = True
    """Until all objects are ready. Hooks are always waited for."""
    atomic: bool = True
    """Put back what was there when it fails: the earlier revision, or nothing."""
    secrets: Sequence[str] = field(default=(), repr=False)
    """Strings to keep out of all output, besides values whose name tells that they are secret."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A revision of a release as Helm recorded it."""

    name: str
    namespace: str
    revision: int
    status: str
    """`deployed`, `superseded`, `failed`, `uninstalling`, `uninstalled` or one of `PENDING`."""
    chart_name: str = ""
    chart_version: str = ""
    app_version: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the user supplied, secrets included: see `masked`. Empty in listings and histories."""
    updated: str = ""
    """RFC 3339."""

    @property
    def pending(self) -> bool:
        """Whether an operation is at work on it, or was cut off."""
        return self.status in PENDING


@dataclass(frozen=True, kw_only=True)
class ChartInfo:
    """What a chart says of itself."""

    name: str
    version: str
    app_version: str = ""
    digest: str = ""
    """`sha256:…` of the archive; empty for a folder."""
    crds: Sequence[str] = ()
    """Names of the custom resource definitions in `crds/`: Helm never removes them. Of a chart rendered for
    values those of enabled sub-charts count, of a chart by itself those of all."""
    template_crds: Sequence[str] = ()
    """Those the chart renders with its default values: they go when the release goes."""
    has_values_schema: bool = False
    dependencies: Sequence[str] = ()
    """Names of the sub-charts it declares."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One rendered object."""

    object: Mapping[str, Any] = field(repr=False)
    source: str = ""
    """Template it comes from."""
    hooks: Sequence[str] = ()
    """Events it is a hook of, e.g. `pre-install`; such an object is no part of the release."""
    keep: bool = False
    """Whether Helm leaves it when the release goes."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A chart rendered for a release. Objects may hold secrets."""

    manifests: Sequence[Manifest]
    crds: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """What the chart and its enabled sub-charts have in `crds/`."""
    notes: str = field(default="", repr=False)
    info: ChartInfo
