"""The dashboard as a page, for where no Grafana is: its panels from Prometheus' answers, drawn by Plotly.

Plotly's script is in its Python package, so that nothing is loaded from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from tests.metrics.panels import Panel, Target, scale_of
from tests.servers.prometheus import Answer

WIDTH, LINE, GAP = 1280, 30, 8
"""In pixels; lines of the grid and the gap between panels are Grafana's."""
CAPTION = "Drawn with Plotly from the dashboard's own queries, as Prometheus answered them; not Grafana."
COLORS = ["#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42"]
COLORS += ["#1F78C1", "#BA43A9", "#705DA0", "#508642", "#CCA300"]
NAMED = {"green": "#73BF69", "red": "#F2495C"}
STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 13px sans-serif; position: relative }
section, h2, footer { position: absolute; box-sizing: border-box; margin: 0; overflow: hidden }
section { background: #181b1f; border: 1px solid #2c3038; border-radius: 2px }
h2 { font-size: 15px; line-height: 30px } h3 { font-size: 13px; margin: 7px 10px 0 }
.number { font-size: 38px; text-align: center; padding-top: 12px }
.nothing { text-align: center; color: #8e8e9a; padding-top: 70px }
"""
SCRIPT = """
Promise.all(DRAWN.map(one => Plotly.newPlot(one.id, one.data, one.layout, {staticPlot: true})))
  .then(() => { document.body.dataset.drawn = "yes"; });
"""

Found = Sequence[tuple[Target, Answer]]


def height_of(panels: Sequence[Panel]) -> int:
    """Of the whole page, in pixels."""
    return max(panel.y + panel.height for panel in panels) * (LINE + GAP) + 2 * GAP + LINE


def write_page(folder: Path, panels: Sequence[Panel], ask: Callable[[str], list[Answer]]) -> Path:
    """Write the page with what it needs into a folder; `ask` answers a query."""
    parts, drawn = [], []
    for number, panel in enumerate(panels):
        found = [(target, answer) for target in panel.targets for answer in ask(target.query) if answer.times]
        inside = _inside(panel, f"panel-{number}", found)
        tag = "h2" if panel.kind == "row" else "section"
        parts.append(f'<{tag} style="{_place(panel)}{_look(panel, found)}">{inside}</{tag}>')
        if panel.kind == "timeseries" and found:
            drawn.append(_plot(panel, f"panel-{number}", found))
    below = f'<footer style="left: {GAP}px; top: {height_of(panels) - LINE}px">{escape(CAPTION)}</footer>'
    (folder / "plotly.js").write_text(get_plotlyjs())
    plots = json.dumps(drawn).replace("</", "<\\/")
    page = folder / "dashboard.html"
    page.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>AI Runway</title><style>{STYLE}</style>"
        f"<body>{''.join(parts)}{below}<script src=plotly.js></script>"
        f"<script>const DRAWN = {plots};{SCRIPT}</script>"
    )
    return page


def _place(panel: Panel) -> str:
    column = (WIDTH - GAP) / 24
    left, top = GAP + panel.x * column, GAP + panel.y * (LINE + GAP)
    width, height = panel.width * column - GAP, panel.height * (LINE + GAP) - GAP
    return f"left: {left:.0f}px; top: {top}px; width: {width:.0f}px; height: {height}px"


def _inside(panel: Panel, name: str, found: Found) -> str:
    if panel.kind == "row":
        return escape(panel.title)
    title = f"<h3>{escape(panel.title)}</h3>"
    if not found:
        return f"{title}<div class=nothing>No data</div>"
    if panel.kind == "timeseries":
        return f'{title}<div id="{name}"></div>'
    return f"{title}<div class=number>{found[0][1].values[-1]:g}</div>"


def _look(panel: Panel, found: Found) -> str:
    """The colours of a number's panel."""
    if panel.kind != "stat" or not found:
        return ""
    color = NAMED[panel.color_of(found[0][1].values[-1])]
    return f"; background: {color}; color: #111217" if panel.has_colored_back else f"; color: {color}"


def _plot(panel: Panel, name: str, found: Found) -> Mapping[str, Any]:
    greatest = max(value for _, answer in found for value in answer.values)
    divisor, word = scale_of(panel.unit, greatest)
    data = []
    for (target, answer), color in zip(found, COLORS * len(found), strict=False):
        line: dict[str, Any] = {
            "x": [round(at * 1000) for at in answer.times],
            "y": [value / divisor for value in answer.values],
            "name": target.name_of(answer.labels) or panel.title,
            "line": {"color": color, "width": 1.5},
            "mode": "lines",
            "fill": "tozeroy",
            "fillcolor": f"{color}{panel.fill_percent * 255 // 100:02x}",
        }
        data.append(line | {"stackgroup": "all", "fill": "tonexty"} if panel.is_stacked else line)
    return {"id": name, "data": data, "layout": _layout(panel, word)}


def _layout(panel: Panel, word: str) -> Mapping[str, Any]:
    lines = {"gridcolor": "#2c3038", "zerolinecolor": "#2c3038"}
    times = {"type": "date", "tickformat": "%H:%M:%S", "nticks": panel.width // 2, "tickangle": 0}
    return {
        "height": panel.height * (LINE + GAP) - GAP - 28,
        "margin": {"l": 56, "r": 12, "t": 8, "b": 20},
        "paper_bgcolor": "#181b1f",
        "plot_bgcolor": "#181b1f",
        "font": {"color": "#ccccdc", "size": 10},
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.12, "yanchor": "top", "font": {"size": 10}},
        "xaxis": {**times, **lines},
        "yaxis": {"rangemode": "tozero", "ticksuffix": word, "nticks": 5, **lines},
    }
