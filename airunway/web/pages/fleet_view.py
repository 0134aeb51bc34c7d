"""What the first page shows: failures first, counts, and the GPUs of each node. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airunway.api.names import is_paused
from airunway.api.plain_text import beginning
from airunway.api.status import Phase
from airunway.console.rows import DeploymentRow, age, deployment_row
from airunway.web.pages.lenient import MAX_BEGINNING, condition_in, count_of, map_of

Object = Mapping[str, Any]
PAGE_SIZE = 100
"""Deployments on one page: what a person looks through, and a script puts into place at once."""
_FIRST = (Phase.FAILED, Phase.PENDING, Phase.TERMINATING, Phase.DEPLOYING, Phase.RUNNING)
NOT_SAID = "not taken up"
"""Stands for the phase of one that has no status yet."""


@dataclass(frozen=True)
class FleetFilter:
    """What is looked for; empty: everything. `text` is a part of name or model."""

    phase: str = ""
    provider: str = ""
    namespace: str = ""
    text: str = ""


@dataclass(frozen=True)
class FleetEntry:
    """A deployment in the list."""

    row: DeploymentRow
    model: str
    gpus: int
    age: str
    is_paused: bool

    @property
    def phase(self) -> str:
        """Its phase, or that nobody has taken it up."""
        return self.row.phase or NOT_SAID

    @property
    def message(self) -> str:
        """Why it is as it is, as far as a list has room."""
        return beginning(self.row.message, MAX_BEGINNING)


@dataclass(frozen=True)
class ShownNode:
    """GPUs of one node. `in_use`: what pods on it ask for."""

    name: str
    capacity: int
    in_use: int
    is_ready: bool
    is_cordoned: bool

    @property
    def free(self) -> int:
        """What the scheduler can still give away."""
        usable = self.is_ready and not self.is_cordoned
        return max(0, self.capacity - self.in_use) if usable else 0


@dataclass(frozen=True)
class FleetPage:
    """One page of the list, and the counts of everything that may be seen."""

    entries: list[FleetEntry]
    shown_from: int
    found: int
    total: int
    phases: list[tuple[str, int]]
    providers: list[tuple[str, int]]
    namespaces: list[tuple[str, int]]
    gpus_asked: int
    failures: list[FleetEntry] = field(default_factory=list)
    """The first of what is broken, of everything: said above the list."""

    @property
    def more_failures(self) -> int:
        """How many others are broken."""
        return dict(self.phases).get(Phase.FAILED, 0) - len(self.failures)

    @property
    def previous_page(self) -> int | None:
        """Number of the page before; None on the first."""
        return self.shown_from // PAGE_SIZE if self.shown_from else None

    @property
    def next_page(self) -> int | None:
        """Number of the page after; None on the last."""
        end = self.shown_from + len(self.entries)
        return end // PAGE_SIZE + 1 if end < self.found else None


MAX_FAILURES = 10


def fleet_page(objects: Iterable[Object], wanted: FleetFilter, *, page: int = 1) -> FleetPage:
    """The list for a filter. `page` counts from 1."""
    entries = sorted(map(entry_of, objects), key=_order)
    found = [entry for entry in entries if _fits(entry, wanted)]
    start = min(max(0, page - 1) * PAGE_SIZE, max(0, (len(found) - 1) // PAGE_SIZE) * PAGE_SIZE)
    return FleetPage(
        entries=found[start : start + PAGE_SIZE],
        shown_from=start,
        found=len(found),
        total=len(entries),
        phases=_counts(entry.phase for entry in entries),
        providers=_counts(entry.row.provider for entry in entries),
        namespaces=_counts(entry.row.namespace for entry in entries),
        gpus_asked=sum(entry.gpus for entry in entries),
        failures=[entry for entry in entries if entry.phase == Phase.FAILED][:MAX_FAILURES],
    )


def entry_of(obj: Object) -> FleetEntry:
    """What a list shows of a deployment. Lenient: any field may be missing or of another shape."""
    spec = map_of(obj.get("spec"))
    meta = obj["metadata"]
    return FleetEntry(
        row=deployment_row(obj),
        model=str(map_of(spec.get("model")).get("id") or ""),
        gpus=asked_gpus(spec),
        age=age(meta.get("creationTimestamp")),
        is_paused=is_paused(meta),
    )


def asked_gpus(spec: Mapping[str, Any]) -> int:
    """GPUs of all replicas together."""
    scaling = map_of(spec.get("scaling"))
    groups = [map_of(scaling.get(name)) for name in ("prefill", "decode")]
    if any(groups):
        return sum(_gpu(group) * count_of(group.get("replicas"), 1) for group in groups if group)
    return _gpu(map_of(spec.get("resources"))) * count_of(scaling.get("replicas"), 1)


def node_gpus(nodes: Iterable[Object], in_use: Mapping[str, int]) -> list[ShownNode]:
    """The nodes that have GPUs, by name. `in_use`: what pods ask for, by node."""
    found = []
    for node in nodes:
        status = map_of(node.get("status"))
        given = map_of(status.get("allocatable")) or map_of(status.get("capacity"))
        capacity = sum(count_of(value, 0) for key, value in given.items() if is_gpu(key))
        name = str(node["metadata"]["name"])
        if capacity or in_use.get(name):
            found.append(
                ShownNode(
                    name=name,
                    capacity=capacity,
                    in_use=in_use.get(name, 0),
                    is_ready=_is_ready(node),
                    is_cordoned=bool(map_of(node.get("spec")).get("unschedulable")),
                )
            )
    return sorted(found, key=lambda entry: entry.name)


def gpus_in_use(pods: Iterable[Object]) -> dict[str, int]:
    """GPUs that pods which are not over ask for, by node."""
    used: Counter[str] = Counter()
    for pod in pods:
        spec = map_of(pod.get("spec"))
        if map_of(pod.get("status")).get("phase") in ("Succeeded", "Failed") or not spec.get("nodeName"):
            continue
        for container in spec.get("containers") or ():
            resources = map_of(map_of(container).get("resources"))
            asked = {**map_of(resources.get("limits")), **map_of(resources.get("requests"))}
            used[str(spec["nodeName"])] += sum(count_of(asked[key], 0) for key in asked if is_gpu(key))
    return {name: count for name, count in used.items() if count}


def is_gpu(resource: str) -> bool:
    """Whether an extended resource counts GPUs: `nvidia.com/gpu`, `amd.com/gpu`."""
    return resource.endswith("/gpu")


def _order(entry: FleetEntry) -> tuple[int, str, str]:
    place = _FIRST.index(Phase(entry.phase)) if entry.phase in _FIRST else 1
    return place, entry.row.namespace, entry.row.name


def _fits(entry: FleetEntry, wanted: FleetFilter) -> bool:
    exact = (
        (wanted.phase, entry.phase),
        (wanted.provider, entry.row.provider),
        (wanted.namespace, entry.row.namespace),
    )
    if any(value and value != found for value, found in exact):
        return False
    return wanted.text.lower() in f"{entry.row.name} {entry.model}".lower()


def _counts(values: Iterable[str]) -> list[tuple[str, int]]:
    counted = Counter(value for value in values if value)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _is_ready(node: Object) -> bool:
    ready = condition_in(node, "Ready")
    return ready.get("status") == "True"


def _gpu(holder: Mapping[str, Any]) -> int:
    return count_of(map_of(holder.get("gpu")).get("count"), 0)
