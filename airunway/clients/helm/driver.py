"""What the child process needs of Helm, however Helm is reached.

Two drivers speak it: `library` calls Helm's Go code inside the process, `command` runs the `helm` binary.
They are called from one thread; `cancel` comes from another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

Obj = dict[str, Any]
OnLine = Callable[[str], None]
"""Takes a line of output."""

HISTORY = 10
"""Revisions Helm keeps of a release."""


class HelmSays(Exception):
    """Helm refused or failed, in its own words."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        """The library's kind of error; see `classify`."""


class Template(NamedTuple):
    """A rendered template: YAML of any number of documents."""

    source: str
    text: str


class Rendering(NamedTuple):
    """What a chart renders for given values."""

    templates: list[Template]
    crds: list[str]
    """YAML texts of `crds/`, of the chart and of the sub-charts that the values enable."""
    notes: str


class Driver(Protocol):
    """Helm. Every call may raise HelmSays; releases are plain dictionaries of `model.Release`'s fields."""

    def version(self) -> str:
        """Helm's version, e.g. `v4.3.1`."""

    def releases(self, *, everywhere: bool) -> list[Obj]:
        """The last revision of each release, in the namespace or in all of them, without values."""

    def revisions(self, name: str) -> list[Obj]:
        """All revisions of a release, oldest first, without values; none if there is no such release."""

    def release(self, name: str) -> Obj | None:
        """The last revision of a release, with values."""

    def metadata(self, chart: Path) -> Obj:
        """A chart's Chart.yaml."""

    def crds(self, chart: Path) -> Sequence[str]:
        """The YAML texts of a chart's `crds/`, all sub-charts included."""

    def render(self, chart: Path, request: Obj) -> Rendering:
        """Render without touching the cluster."""

    def install(self, chart: Path, request: Obj, *, replace: bool) -> None:
        """Install a release; `replace` one that was uninstalled and left its history."""

    def upgrade(self, chart: Path, request: Obj) -> None:
        """Upgrade a release."""

    def rollback(self, request: Obj) -> None:
        """Make an earlier revision the newest one."""

    def uninstall(self, request: Obj) -> None:
        """Remove a release; nothing happens when there is none."""

    def cancel(self) -> bool:
        """Ask the running call to end; False if it cannot be asked, and the process has to go."""
