"""The chart's dashboard as Grafana reads it: where panels lie, what they ask, what lines are called.

Pure. Apart from what draws them, so that no picture is needed to know that a panel has something to show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.generate.metrics_tables import DASHBOARD

RATE_SECONDS = 10
"""What `$__rate_interval` stands for: some scrapes of a Prometheus that scrapes every second."""
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((604800, " weeks"), (86400, " days"), (3600, " hours"), (60, " min"), (1, " s"), (0.001, " ms")),
    "bytes": ((2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB")),
    "ops": ((1, " ops/s"),),
}
"""Of units: what is divided by, from the greatest, and the word behind it."""


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    expression: str
    legend: str

    @property
    def query(self) -> str:
        """PromQL, with the dashboard's variables as they are at first."""
        return self.expression.replace("$cluster", ".*").replace("$__rate_interval", f"{RATE_SECONDS}s")

    def name_of(self, labels: Mapping[str, str]) -> str:
        """What a line is called."""
        return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), self.legend).strip()


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel; `x`, `y`, `width` and `height` in the 24 columns and the lines of the dashboard's grid."""

    kind: str
    title: str
    x: int
    y: int
    width: int
    height: int
    unit: str
    is_stacked: bool
    fill_percent: int
    steps: tuple[tuple[float, str], ...]
    """From which value on which colour counts."""
    has_colored_back: bool
    targets: tuple[Target, ...]

    def color_of(self, value: float) -> str:
        """The colour of the highest step that a value has reached."""
        return [color for least, color in self.steps if value >= least][-1]


def panels() -> list[Panel]:
    """Every panel, rows of the dashboard among them."""
    return [_panel(found) for found in json.loads(DASHBOARD.read_text())["panels"]]


def _panel(found: Mapping[str, Any]) -> Panel:
    place, defaults = found["gridPos"], (found.get("fieldConfig") or {}).get("defaults") or {}
    drawn = defaults.get("custom") or {}
    steps = (defaults.get("thresholds") or {}).get("steps") or []
    return Panel(
        kind=found["type"],
        title=found["title"],
        x=place["x"],
        y=place["y"],
        width=place["w"],
        height=place["h"],
        unit=defaults.get("unit", "short"),
        is_stacked=(drawn.get("stacking") or {}).get("mode") == "normal",
        fill_percent=drawn.get("fillOpacity", 0),
        steps=tuple((float("-inf") if at["value"] is None else at["value"], at["color"]) for at in steps),
        has_colored_back=(found.get("options") or {}).get("colorMode") == "background",
        targets=tuple(Target(at["expr"], at["legendFormat"]) for at in found.get("targets", [])),
    )


def scale_of(unit: str, greatest: float) -> tuple[float, str]:
    """What values are divided by, and the word behind them, when the greatest is this one."""
    scales = _SCALES.get(unit, ())
    return next(
        (scale for scale in scales if abs(greatest) >= scale[0]), (1, "" if not scales else _base(unit))
    )


def _base(unit: str) -> str:
    return {"s": " s", "bytes": " B", "ops": " ops/s"}[unit]
