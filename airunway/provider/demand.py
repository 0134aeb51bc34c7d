"""How much of a cluster rendered objects demand: pods, nodes, GPUs, CPU, memory, storage, Services. Pure.

A value, apart from `counting`, which gets it from rendered objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is demanded. `replicas`: pods of the largest group of like ones; `nodes`: asked for by number.

    `gpus` counts every extended resource, whoever makes the device. `cpu` in cores, `memory` and `storage` in
    bytes. `ephemeral_storage`: bytes of the nodes' own disks. `services`: the type of each Service. Demands
    add up; of `replicas` the largest counts.
    """

    replicas: int = 0
    pods: int = 0
    nodes: int = 0
    gpus: Decimal = ZERO
    cpu: Decimal = ZERO
    memory: Decimal = ZERO
    storage: Decimal = ZERO
    ephemeral_storage: Decimal = ZERO
    services: tuple[str, ...] = field(default=())

    def __add__(self, other: Demand) -> Demand:
        return Demand(
            replicas=max(self.replicas, other.replicas),
            pods=self.pods + other.pods,
            nodes=self.nodes + other.nodes,
            gpus=self.gpus + other.gpus,
            cpu=self.cpu + other.cpu,
            memory=self.memory + other.memory,
            storage=self.storage + other.storage,
            ephemeral_storage=self.ephemeral_storage + other.ephemeral_storage,
            services=self.services + other.services,
        )

    def times(self, count: int) -> Demand:
        """That of a group of so many such pods."""
        return Demand(
            replicas=count,
            pods=self.pods * count,
            nodes=self.nodes * count,
            gpus=self.gpus * count,
            cpu=self.cpu * count,
            memory=self.memory * count,
            storage=self.storage * count,
            ephemeral_storage=self.ephemeral_storage * count,
        )


def total(demands: Iterable[Demand]) -> Demand:
    """All together."""
    return sum(demands, Demand())
