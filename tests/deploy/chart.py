"""The chart as it renders with its defaults and with each of its profiles; once in a run."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from tools.generate.chart import CHART, render

DEFAULTS = "defaults"
PROFILES = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(CHART.glob("profiles/*.yaml"))}
EVERYTHING = "everything"
"""All that is off by default, switched on."""

_EVERYTHING: dict[str, Any] = {
    "installer": {"enabled": True},
    "web": {"enabled": True, "replicas": 2, "ingress": {"enabled": True, "host": "models.example.com"}},
    "verify": {"enabled": True},
    "networkPolicies": {"enabled": True, "metricsFrom": ["monitoring"]},
    "autoscaling": {"kind": "hpa", "cluster": "c1"},
    "monitoring": {"serviceMonitor": True, "dashboard": True, "alerts": True, "labels": {"release": "prom"}},
    "modelAccess": {"enabled": True},
    "impersonation": {"account": "airunway-tenant"},
    "temporal": {"networkPolicy": {"enabled": True}},
    "namespace": {"create": True},
}
VALUES: dict[str, dict[str, Any]] = {DEFAULTS: {}, **PROFILES, EVERYTHING: _EVERYTHING}


@cache
def _rendered() -> dict[str, list[dict[str, Any]]]:
    found = render(*VALUES.values())
    return {name: [entry.content for entry in each] for name, each in zip(VALUES, found, strict=True)}


def chart_objects(name: str = DEFAULTS) -> list[dict[str, Any]]:
    """The objects of the chart with a profile's values."""
    return _rendered()[name]


@cache
def with_values(text: str) -> list[dict[str, Any]]:
    """The objects of the chart with these values, in YAML."""
    (found,) = render(yaml.safe_load(text))
    return [entry.content for entry in found]
