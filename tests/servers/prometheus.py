"""Prometheus itself: it scrapes what processes serve, and answers queries."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import Server


@dataclass(frozen=True)
class Answer:
    """One series that a query found: its labels, times (Unix) and values."""

    labels: dict[str, str]
    times: list[float]
    values: list[float]


class Prometheus(Server):
    """Scrapes `/metrics` at each of the addresses every second."""

    name = "prometheus"

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__()
        self.targets = list(targets)
        self.address = f"127.0.0.1:{kept_port(self.folder, 'http')}"

    def prepare(self) -> None:
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "airunway", "static_configs": [{"targets": self.targets}]}],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML too

    def command(self) -> list[str]:
        return [
            shutil.which("prometheus") or "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--log.level=warn",
        ]

    def is_ready(self) -> bool:
        return bool(self._get("/-/ready"))

    def series(self, query: str, *, since: float) -> list[Answer]:
        """What a query found between a time (Unix) and now. Raises ValueError for one that is not valid."""
        now = time.time()
        asked = {"query": query, "start": since, "end": now, "step": max(1, int((now - since) / 200))}
        try:
            found = json.loads(self._get(f"/api/v1/query_range?{urllib.parse.urlencode(asked)}"))
        except urllib.request.HTTPError as refusal:
            raise ValueError(f"{query}: {refusal.read().decode()}") from refusal
        return [_answer(entry) for entry in found["data"]["result"]]

    def _get(self, path: str) -> bytes:
        # Not through a proxy named in the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.address}{path}", timeout=10) as answer:
            return bytes(answer.read())


def _answer(entry: dict[str, Any]) -> Answer:
    points = [(at, float(value)) for at, value in entry["values"] if value not in ("NaN", "+Inf", "-Inf")]
    return Answer(entry["metric"], [at for at, _ in points], [value for _, value in points])


def why_missing() -> str | None:
    """A sentence saying what it still needs here; None when all is there."""
    there = shutil.which("prometheus") is not None
    return None if there else "there is no prometheus: python3 tools/real/debian.py installs it"
