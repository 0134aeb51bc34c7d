"""Who asked the API server for what: counted from its audit log."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

FLUSH_SECONDS = 1.0
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
PROCESS_RESOURCES = frozenset({"leases", "inferenceproviderconfigs/status"})
"""Written by processes for themselves (leader, heartbeats), however many deployments there are."""
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, order=True)
class Call:
    """One sort of call."""

    agent: str
    verb: str
    resource: str
    """Plural, with `/subresource`."""
    manager: str = ""
    """Field manager of a write."""

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.verb in WRITES


class Audit:
    """The audit log of one API server; `mark` and `calls` count what came between."""

    def __init__(self, folder: Path) -> None:
        self._log, self._policy = folder / "audit.log", folder / "audit-policy.json"
        self._policy.write_text(json.dumps(POLICY))

    def flags(self) -> list[str]:
        """For kube-apiserver. In batches, so that calls do not wait for the log."""
        return [
            f"--audit-policy-file={self._policy}",
            f"--audit-log-path={self._log}",
            "--audit-log-mode=batch",
            f"--audit-log-batch-max-wait={FLUSH_SECONDS:.0f}s",
        ]

    def mark(self) -> int:
        """Where the log ends now, once all is written that was asked before."""
        time.sleep(FLUSH_SECONDS * 1.5)
        return self.size()

    def size(self) -> int:
        """How long the log is as yet."""
        return self._log.stat().st_size if self._log.exists() else 0

    def calls(self, begin: int, end: int) -> Counter[Call]:
        """What was asked between two marks. Watches count when they end."""
        found: Counter[Call] = Counter()
        for event in self.events(begin, end):
            ref = event.get("objectRef")
            if ref is None or event["stage"] not in ("ResponseComplete", "Panic"):
                continue
            resource = ref.get("resource", "") + (f"/{ref['subresource']}" if "subresource" in ref else "")
            query = parse_qs(urlsplit(event["requestURI"]).query)
            manager = query.get("fieldManager", [""])[0] if event["verb"] in WRITES else ""
            agent = event.get("userAgent", "").split("/")[0]
            found[Call(agent, event["verb"], resource, manager)] += 1
        return found

    def events(self, begin: int = 0, end: int | None = None) -> Iterator[dict[str, Any]]:
        """What the log says, between two marks; a line that is being written is left out."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(begin)
            for line in log.read(-1 if end is None else end - begin).splitlines(keepends=True):
                if line.endswith(b"\n"):
                    yield json.loads(line)


def is_ours(call: Call) -> bool:
    """Made by the control plane, for deployments."""
    return call.agent.startswith("airunway") and call.resource not in PROCESS_RESOURCES


def total(calls: Counter[Call], *, writes: bool) -> int:
    """All writes, or all reads without watches."""
    return sum(count for call, count in calls.items() if call.is_write is writes and call.verb != "watch")
