"""What the activities of installations need of Helm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class ChartRef:
    chart: str
    repository_url: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseSpec:
    name: str
    namespace: str
    chart: ChartRef
    values: Mapping[str, Any] = field(default_factory=dict)
    create_namespace: bool = False
    skip_crds: bool = False
    timeout: timedelta = timedelta(minutes=5)
    wait: bool = True
    atomic: bool = True


@dataclass(frozen=True, kw_only=True)
class Release:
    name: str
    namespace: str
    revision: int
    status: str
    chart_name: str = ""
    chart_version: str = ""
    app_version: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    updated: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    object: Mapping[str, Any]
    source: str = ""
    hooks: Sequence[str] = ()
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Rendered:
    manifests: Sequence[Manifest]
    crds: Sequence[Mapping[str, Any]] = ()
    notes: str = ""


class Helm(Protocol):
    async def upgrade_or_install(self, spec: ReleaseSpec, *, on_line: Callable[[str], None]) -> Release: ...

    async def render(self, spec: ReleaseSpec) -> Rendered: ...

    async def uninstall(
        self,
        name: str,
        namespace: str,
        *,
        keep_history: bool = False,
        wait: bool = True,
        timeout: timedelta,
        on_line: Callable[[str], None],
    ) -> None: ...

    async def repair(self, name: str, namespace: str) -> str: ...
