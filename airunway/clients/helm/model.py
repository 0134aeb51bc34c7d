"""Values that go into Helm and come out of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
"""States of a release that an operation is at work on, or was when it was cut off."""


@dataclass(frozen=True, kw_only=True)
class ReleaseRecord:
    """One revision of a release as Helm recorded it."""

    name: str
    namespace: str
    revision: int
    status: str
    """`deployed`, `superseded`, `failed`, `uninstalling`, `uninstalled` or one of `PENDING`."""
    chart_name: str = ""
    chart_version: str = ""
    app_version: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was supplied, secrets included: see `masked`; without the chart's own defaults. Empty in listings
    and histories."""
    manifest: str = field(default="", repr=False)
    """The objects as YAML documents; empty where Helm itself was asked."""
    updated: datetime | None = None

    @property
    def pending(self) -> bool:
        """Whether an operation is at work on it, or was cut off."""
        return self.status in PENDING

    def read_documents(self) -> list[dict[str, Any]]:
        """The objects that it consists of. Takes long: off the event loop. Raises UnreadableRecord."""
        from airunway.clients.bounded_yaml import BadYaml, read_yaml  # late: Helm's child loads this too
        from airunway.clients.helm.errors import UnreadableRecord

        try:
            return [entry for entry in read_yaml(self.manifest) if isinstance(entry, dict)]
        except BadYaml as err:
            raise UnreadableRecord(f"the record of release {self.name}: its manifest is {err}") from err


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


def moment(text: Any) -> datetime | None:
    """A time as Helm writes it; None when there is none, or it is without a zone."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
