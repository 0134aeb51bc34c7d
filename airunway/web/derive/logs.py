"""Which container's logs are meant, and logs as a page shows them (web-api.md §6.4)."""

from __future__ import annotations

import re

from airunway.web.derive.pods import Pod

PREFERRED = (
    "main",
    "vllm",
    "model",
    "ray-head",
    "ray-worker",
    "inference",
    "worker",
    "server",
    "frontend",
)
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def container_of(pod: Pod) -> str:
    """The container whose logs tell most; empty where the pod has none."""
    names = [str(entry["name"]) for entry in (pod.get("spec") or {}).get("containers") or ()]
    preferred = next((name for name in PREFERRED if name in names), "")
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ready = next((str(entry["name"]) for entry in statuses if entry.get("ready")), "")
    return preferred or ready or (names[0] if names else "")


def without_colours(text: str) -> str:
    """Text without a terminal's codes."""
    return _ANSI.sub("", text)
