"""The most that one deployment may demand, and what is above it. The numbers are settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from airunway.api.quantities import parse
from airunway.provider.demand import Demand


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """Of one deployment, all its objects together. `replicas`: pods of one group of like ones.

    `cpu`, `memory`, `storage` and `ephemeral_storage` are quantities. `service_types`: types that its
    Services may have.
    """

    replicas: int = 32
    pods: int = 80
    nodes: int = 32
    gpus: int = 128
    cpu: str = "4096"
    memory: str = "32Ti"
    storage: str = "4Ti"
    ephemeral_storage: str = "16Ti"
    services: int = 16
    service_types: tuple[str, ...] = ("ClusterIP",)


_SETTINGS = {
    "replicas": ("replicas of one kind", "AIRUNWAY_MAX_REPLICAS"),
    "pods": ("pods", "AIRUNWAY_MAX_PODS"),
    "nodes": ("nodes", "AIRUNWAY_MAX_NODES"),
    "gpus": ("GPUs", "AIRUNWAY_MAX_GPUS"),
    "cpu": ("CPUs", "AIRUNWAY_MAX_CPU"),
    "memory": ("bytes of memory", "AIRUNWAY_MAX_MEMORY"),
    "storage": ("bytes of storage", "AIRUNWAY_MAX_STORAGE"),
    "ephemeral_storage": ("bytes of the nodes' own disks", "AIRUNWAY_MAX_EPHEMERAL_STORAGE"),
}


_MAX_DIGITS = 24
"""Of a number in a message."""


def above(demand: Demand, ceilings: Ceilings) -> Iterator[str]:
    """A sentence for each ceiling that a demand is above."""
    for name, (words, setting) in _SETTINGS.items():
        asked, limit = Decimal(getattr(demand, name)), getattr(ceilings, name)
        if asked > parse(str(limit)):
            yield f"{_written(asked)} {words} are demanded in all, at most {limit} are allowed ({setting})"
    if len(demand.services) > ceilings.services:
        yield (
            f"{len(demand.services)} Services are demanded, "
            f"at most {ceilings.services} are allowed (AIRUNWAY_MAX_SERVICES)"
        )
    for kind in sorted(set(demand.services) - set(ceilings.service_types)):
        allowed = ", ".join(ceilings.service_types)
        yield f"a Service of type {kind[:40]} is demanded, allowed is {allowed} (AIRUNWAY_SERVICE_TYPES)"


def _written(number: Decimal) -> str:
    if number.adjusted() > _MAX_DIGITS:
        return f"{number:.2E}"  # a quantity such as 1e9999 would be a message of ten thousand digits
    return f"{number.normalize():f}" if number == number.to_integral_value() else f"{number:f}"
