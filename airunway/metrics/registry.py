"""The process's metrics: how one is defined, which of them are served, and the text of a scrape.

Each definition says in which kind of process it is served (`Served`), so that a worker does not serve zeroes
of what only a watcher knows. Every series names the cluster, since several may share one Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CLUSTER = "cluster"
"""Label of every series; left out while nobody knows which cluster this is."""


class Served(StrEnum):
    """Who serves a metric."""

    PROCESS = "every process"
    WORKER = "workers, installer"
    WATCHER = "watchers"
    LEADER = "the leading watcher"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Definition:
    """One metric, as documentation and dashboards know it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    served: Served


DEFINITIONS: dict[str, Definition] = {}
"""Every metric of ours by the name that a query uses; a histogram by its base name."""

_REGISTRY = CollectorRegistry()
ProcessCollector(registry=_REGISTRY)


def _defined(kind: str, name: str, help: str, labels: Sequence[str], served: Served) -> None:
    DEFINITIONS[name] = Definition(name, kind, tuple(labels), help, served)


def counter(name: str, help: str, labels: Sequence[str] = (), *, served: Served) -> Counter:
    """A counter; its name ends in `_total`."""
    _defined("counter", name, help, labels, served)
    return Counter(name, help, labels, registry=_REGISTRY)


def gauge(name: str, help: str, labels: Sequence[str] = (), *, served: Served) -> Gauge:
    """A gauge."""
    _defined("gauge", name, help, labels, served)
    return Gauge(name, help, labels, registry=_REGISTRY)


def histogram(
    name: str, help: str, labels: Sequence[str] = (), *, buckets: Sequence[float], served: Served
) -> Histogram:
    """A histogram of seconds. `buckets`: their upper bounds, without infinity."""
    _defined("histogram", name, help, labels, served)
    return Histogram(name, help, labels, buckets=buckets, registry=_REGISTRY)


class Exposition:
    """What a scrape of this process answers."""

    def __init__(self) -> None:
        self.cluster = ""
        self._serves = {Served.PROCESS}
        self._looks: list[Callable[[], None]] = []
        self.also_read: list[str] = []
        """Where further text of this process is read: that of the Temporal SDK's core."""

    def serve(self, *served: Served) -> None:
        """This process serves those as well."""
        self._serves.update(served)

    def withdraw(self, served: Served) -> None:
        """This process serves those no more: another one does."""
        self._serves.discard(served)

    @contextmanager
    def looking(self, look: Callable[[], None]) -> Iterator[None]:
        """Call `look` before each scrape, while the context is open: for what is read, not counted."""
        self._looks.append(look)
        try:
            yield
        finally:
            self._looks.remove(look)

    def text(self) -> bytes:
        """All series, in Prometheus' text format."""
        for look in list(self._looks):
            look()
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """The families that are served, each series with the cluster."""
        for family in _REGISTRY.collect():
            defined = DEFINITIONS.get(family.name) or DEFINITIONS.get(f"{family.name}_total")
            if defined is not None and defined.served not in self._serves:
                continue
            shown = Metric(family.name, family.documentation, family.type, family.unit)
            shown.samples = [self._shown(sample) for sample in family.samples if _is_wanted(sample)]
            if shown.samples:
                yield shown

    def _shown(self, sample: Sample) -> Sample:
        if not self.cluster:
            return sample
        return sample._replace(labels={CLUSTER: self.cluster, **sample.labels})


def _is_wanted(sample: Sample) -> bool:
    # When a series was created is a series of its own in this format, and nobody's question.
    return not sample.name.endswith("_created")


EXPOSITION = Exposition()
"""As there is one process, there is one of these."""
