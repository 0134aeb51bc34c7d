"""What a migration found at its beginning, in a ConfigMap: so that it can go on after a crash, and go back.

There is one as long as a migration is under way or can be undone. Written once, before anything is changed;
only `move` changes afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from airunway.api import names
from airunway.cli.migrate.controllers import FormerController, OwnProcess
from airunway.cli.problems import CliError
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.kubernetes import CONFIG_MAPS, Cluster

NAME = "airunway-migration"
FIELD_MANAGER = "airunway-migrate"
MAX_REPLICAS = 1000
"""More than that is no count of pods of this system."""


class Move(StrEnum):
    """Which way it goes, or went."""

    RUN = "run"
    BACK = "back"


@dataclass(frozen=True)
class MigrationRecord:
    """What was found."""

    move: Move
    started: datetime
    """By the API server's clock: what was made before is older."""
    former: Mapping[str, int] = field(default_factory=dict)
    """Deployments of AI Runway's own, and how many pods each had."""
    ours: Mapping[str, int] = field(default_factory=dict)
    """Deployments of this system, and how many pods each is to have."""


async def read_record(cluster: Cluster) -> MigrationRecord | None:
    """The record; None: no migration is under way. Raises CliError for one that cannot be read."""
    live = await cluster.find(CONFIG_MAPS, NAME, namespace=names.SYSTEM_NAMESPACE)
    if live is None:
        return None
    data = live.get("data") or {}
    try:
        return MigrationRecord(
            move=Move(data["move"]),
            started=datetime.fromisoformat(live["metadata"]["creationTimestamp"]),
            former=_counts(data["former"]),
            ours=_counts(data["ours"]),
        )
    except (KeyError, ValueError, TypeError) as err:
        raise CliError(
            f"ConfigMap {names.SYSTEM_NAMESPACE}/{NAME}, which says what a migration found, cannot be read; "
            "put it right, or delete it and scale the Deployments yourself"
        ) from err


async def begin_record(
    cluster: Cluster, controllers: list[FormerController], processes: list[OwnProcess]
) -> MigrationRecord:
    """The record, made of what is there now unless there is one."""
    known = await read_record(cluster)
    if known is not None:
        return known
    former = {entry.name: max(entry.replicas, 1) for entry in controllers if entry.is_running}
    ours = {entry.name: entry.replicas or started_replicas(entry) for entry in processes}
    body = {
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/name": "airunway"}},
        "data": {"move": Move.RUN.value, "former": json.dumps(former), "ours": json.dumps(ours)},
    }
    with suppress(AlreadyExists):  # somebody else began it at the same time; what they found counts
        await cluster.create(CONFIG_MAPS, body, namespace=names.SYSTEM_NAMESPACE, field_manager=FIELD_MANAGER)
    made = await read_record(cluster)
    if made is None:
        raise CliError(f"ConfigMap {names.SYSTEM_NAMESPACE}/{NAME} was deleted meanwhile; begin again")
    return made


def started_replicas(process: OwnProcess) -> int:
    """How many pods a Deployment of this system is to have that was installed with none.

    The chart says it; of one that was made of the manifests (deploy/) it is what they have.
    """
    said = (process.live["metadata"].get("annotations") or {}).get(names.ANNOTATION_STANDBY_REPLICAS, "")
    if said.isdecimal() and 0 < int(said) <= MAX_REPLICAS:
        return int(said)
    return 1 if process.name.endswith("-provider") else 2


async def forget(cluster: Cluster) -> None:
    """The migration is over, or undone."""
    with suppress(NotFound):
        await cluster.delete(CONFIG_MAPS, NAME, namespace=names.SYSTEM_NAMESPACE)


async def turn(cluster: Cluster, move: Move) -> None:
    """Say which way it goes from now on."""
    await cluster.patch(
        CONFIG_MAPS,
        NAME,
        {"data": {"move": move.value}},
        namespace=names.SYSTEM_NAMESPACE,
        field_manager=FIELD_MANAGER,
    )


def _counts(text: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in dict(json.loads(text)).items()}
