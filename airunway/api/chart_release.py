"""A chart of an installation, and the Helm release that comes of it: one shape from the plan to the report.

Apart from `installation`, because workflows, the command line and the Helm client speak of it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ChartAction(StrEnum):
    """What becomes of a release."""

    NONE = "none"
    INSTALL = "install"
    UPGRADE = "upgrade"
    REINSTALL = "reinstall"
    """It is as wanted, but what it brought is gone."""
    REPAIR = "repair"
    """It is stuck or failed: repaired first, then upgraded."""
    UNINSTALL = "uninstall"
    EXTERNALLY_MANAGED = "foreign"
    """Somebody else runs the operator: used as it is."""


class DigestOrigin(StrEnum):
    """Who says which archive a chart is."""

    PINNED = "pinned"
    """An administrator, or the provider's package."""
    RECORDED = "recorded"
    """What it was when it was first used."""
    SEEN = "seen"
    """What it was when this operation was planned."""


class ChartRelease(BaseModel):
    """A chart as it is planned, with what Helm recorded of its release.

    What may hold a secret is left out when it is written (`exclude`), so it is in no history: whoever got a
    release from one, and needs the values, reads the plan again.
    """

    model_config = ConfigDict(frozen=True)

    release: str
    namespace: str
    chart: str
    """`repository/chart`, `oci://…` or `https://….tgz`, as the config names it; for tests, a path."""
    version: str = ""
    """Version or range; empty: the newest, or the one that the reference itself names."""
    create_namespace: bool = False
    skip_crds: bool = False
    """Leave out what the chart has in `crds/`; an upgrade never touches it."""
    pre_crd_urls: tuple[str, ...] = ()
    pre_install_missing_crds: bool = False
    is_crd_file: bool = False
    """No chart, but a file of CRDs at the URL `chart`: there is no Helm release, and no namespace."""
    crds: tuple[str, ...] = Field(default=(), exclude=True, repr=False)
    """Of such a file: those that tell whether it is installed."""
    version_annotation: str = Field(default="", exclude=True, repr=False)
    """Of such a file: the annotation of its CRDs that says their version."""

    action: ChartAction = ChartAction.NONE
    reason: str = ""
    """Why, for a person."""
    installed_version: str = ""
    status: str = ""
    """Helm's status of the last revision; empty: no release."""
    revision: int = 0
    """0: no release."""

    source: str = Field(default="", exclude=True, repr=False)
    """Where the chart is fetched, mirrors applied; empty: as `chart` says."""
    repository_url: str = Field(default="", exclude=True, repr=False)
    """Of a classic repository, mirrors applied."""
    digest: str = ""
    """`sha256:…` the archive must have, besides what a repository's index says."""
    digest_origin: DigestOrigin = Field(default=DigestOrigin.PINNED, exclude=True, repr=False)
    values: Mapping[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    """The whole document to install with: the config's, and what a person laid over it. It overlays the
    chart's defaults; what an earlier revision was given is not kept."""
    value_paths: Mapping[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    """The config's values as it writes them, for commands that are shown."""

    @property
    def key(self) -> str:
        """Identity of the release, whichever provider asks for it."""
        return f"{self.namespace}/{self.release}" if self.namespace else self.release

    @property
    def title(self) -> str:
        """The chart for a person: `repository/chart 1.2.3`."""
        return f"{self.chart} {self.version}".rstrip()

    @property
    def fetched_from(self) -> str:
        """The reference that Helm is given."""
        return self.source or self.chart

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.action in (ChartAction.NONE, ChartAction.EXTERNALLY_MANAGED)

    def to_do(self, action: ChartAction, reason: str = "") -> ChartRelease:
        """The same, with what is to be done about it."""
        return self.model_copy(update={"action": action, "reason": reason})

    def recorded(self, *, version: str, status: str, revision: int) -> ChartRelease:
        """The same, with what Helm recorded."""
        seen = {"installed_version": version, "status": status, "revision": revision}
        return self.model_copy(update=seen)

    def archived_as(self, digest: str) -> ChartRelease:
        """The same, where nobody says another, as the archive that it was seen to be; empty: none was."""
        if self.digest or not digest:
            return self
        return self.model_copy(update={"digest": digest, "digest_origin": DigestOrigin.SEEN})

    def planned_as(self, other: ChartRelease) -> ChartRelease:
        """The same, with what `other`, which came back from a history, says is there and is to be done."""
        seen = other.model_dump(include={"action", "reason", "installed_version", "status", "revision"})
        return self.model_copy(update=seen).archived_as(other.digest)
