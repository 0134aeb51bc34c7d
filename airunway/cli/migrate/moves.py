"""The two directions of a migration: never two writers, and what serves goes on serving.

run    this system stands still · AI Runway's controllers end · their Leases are held · this system starts,
       the watcher last · every deployment is taken over, none was made anew
back   this system stands still · the Leases are given back · AI Runway's controllers start

Between the two nobody writes for as long as pods take to end and to start: what runs goes on running, and
what is changed meanwhile is done afterwards. Killed at any point, either can be given again, and so can the
other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from airunway.api.names import SYSTEM_NAMESPACE
from airunway.cli.migrate.census import Census, made_anew, not_taken_over, other_phases, take_census
from airunway.cli.migrate.controllers import (
    FormerController,
    OwnProcess,
    deployments_of_both,
    subcommand_of,
    unexplained_holders,
)
from airunway.cli.migrate.record import MigrationRecord, Move, begin_record, forget, read_record, turn
from airunway.cli.migrate.steps import Say, hold_leases, release_leases, start, stop
from airunway.cli.problems import CliError
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Cluster
from airunway.provider import Provider
from airunway.provider.registry import installed_providers

LAST = "watcher"
"""What wakes the workflows: it starts when whoever answers them is there."""
POLL_SECONDS = 2.0
SETTLED_ROUNDS = 3
"""Phases that are the same so often in a row have come to rest."""
WORKER, WATCHER = "worker", "watcher"


@dataclass(kw_only=True)
class MoveOutcome:
    """What became of the fleet."""

    deployments: int = 0
    made_anew: list[str] = field(default_factory=list)
    other_phases: list[str] = field(default_factory=list)
    """At the end; a phase may change for reasons of its own."""
    not_taken_over: list[str] = field(default_factory=list)


async def run(
    cluster: Cluster, say: Say, *, seconds: float, providers: Mapping[str, Provider] | None = None
) -> MoveOutcome:
    """Move over. `seconds`: for each thing that is waited for. `providers` None: those installed here.

    Raises CliError where something is in the way: before anything was changed, or half-way, and then it goes
    on from there when it is called again.
    """
    known = installed_providers() if providers is None else providers
    controllers, processes = await deployments_of_both(cluster, known)
    await refuse(cluster, controllers, processes)
    record = await begin_record(cluster, controllers, processes)
    await turn(cluster, Move.RUN)
    before = await take_census(cluster, known)
    say(f"{len(before)} deployments; {sum(bool(entry.uid) for entry in before.values())} have an object")
    former = {*record.former, *(entry.name for entry in controllers)}
    if any(entry.is_running for entry in controllers):
        # Both at once is what must not be, so whatever of ours was started is ended first.
        await stop(cluster, record.ours, say, seconds=seconds)
        await stop(cluster, former, say, seconds=seconds)
    await hold_leases(cluster, former, say)
    kinds = {entry.name: entry.subcommand for entry in processes}
    await start(cluster, _those(record.ours, kinds, last=False), say, seconds=seconds)
    await start(cluster, _those(record.ours, kinds, last=True), say, seconds=seconds)
    return await _verified(cluster, known, before, record, say, seconds=seconds)


async def back(
    cluster: Cluster, say: Say, *, seconds: float, providers: Mapping[str, Provider] | None = None
) -> MoveOutcome:
    """Move back to where `run` began. Raises CliError as `run` does."""
    record = await read_record(cluster)
    if record is None:
        raise CliError("nothing to undo: no migration is under way here (airunway migrate run)")
    known = installed_providers() if providers is None else providers
    await _refuse_replaced(cluster, record)
    await turn(cluster, Move.BACK)
    before = await take_census(cluster, known)
    await stop(cluster, record.ours, say, seconds=seconds)
    await release_leases(cluster, record.former, say)
    await start(cluster, record.former, say, seconds=seconds)
    after = await take_census(cluster, known)
    outcome = MoveOutcome(
        deployments=len(after),
        made_anew=list(made_anew(before, after, since=record.started)),
        other_phases=list(other_phases(before, after)),
    )
    await forget(cluster)
    return outcome


async def refuse(cluster: Cluster, controllers: list[FormerController], processes: list[OwnProcess]) -> None:
    """Raises CliError where a migration cannot begin, saying why and what to do."""
    for problem in await obstacles(cluster, controllers, processes):
        raise CliError(problem)


async def obstacles(
    cluster: Cluster, controllers: list[FormerController], processes: list[OwnProcess]
) -> list[str]:
    """What is in the way of `run`, in a sentence each. Raises ApiError."""
    found = [
        f"{holder} holds the Lease {lease} and is no pod of a Deployment here: end it first"
        for lease, holder in (await unexplained_holders(cluster, controllers)).items()
    ]
    kinds = {entry.subcommand for entry in processes}
    if missing := [kind for kind in (WORKER, WATCHER) if kind not in kinds]:
        found.append(
            f"this system has no Deployment that runs {' or '.join(missing)} here: install it with no pods "
            "first (docs/migration.md)"
        )
    under_way = await read_record(cluster)
    if under_way is None and not any(entry.is_running for entry in controllers):
        found.append("nothing to move: no controller of AI Runway's own runs here")
    return found


async def _refuse_replaced(cluster: Cluster, record: MigrationRecord) -> None:
    lost = []
    for name in sorted(record.former):
        live = await cluster.find(APPS_DEPLOYMENTS, name, namespace=SYSTEM_NAMESPACE)
        if live is None or subcommand_of(live):
            lost.append(name)
    if lost:
        raise CliError(
            f"Deployment {', '.join(lost)} of AI Runway is not there any more, or runs this system by now; "
            "apply AI Runway's own manifest of it with replicas: 0, and give the command again"
        )


def _those(ours: Mapping[str, int], kinds: Mapping[str, str], *, last: bool) -> dict[str, int]:
    return {name: count for name, count in ours.items() if (kinds.get(name) == LAST) is last}


async def _verified(
    cluster: Cluster,
    known: Mapping[str, Provider],
    before: Census,
    record: MigrationRecord,
    say: Say,
    *,
    seconds: float,
) -> MoveOutcome:
    """The fleet as it is once every deployment was taken over and phases rest, or time is up."""
    after, same, said = await take_census(cluster, known), 0, ""
    try:
        async with asyncio.timeout(seconds):
            while not_taken_over(after) or same < SETTLED_ROUNDS:
                missing = not_taken_over(after)
                words = f"waiting: {len(missing)} of {len(after)} deployments are not taken over yet"
                if missing and words != said:
                    say(words)
                    said = words
                await asyncio.sleep(POLL_SECONDS)
                now = await take_census(cluster, known)
                same = same + 1 if _phases(now) == _phases(after) else 0
                after = now
    except TimeoutError:
        say(f"still at it after {seconds:.0f} s")
    lost = [*made_anew(before, after, since=record.started)]
    lost += made_anew({}, _known(before, after), since=record.started)
    return MoveOutcome(
        deployments=len(after),
        made_anew=list(dict.fromkeys(lost)),
        other_phases=list(other_phases(before, after)),
        not_taken_over=not_taken_over(after),
    )


def _known(before: Census, after: Census) -> Census:
    """Of the fleet now, who had an object before: what an earlier run did, only an object's age tells."""
    return {key: now for key, now in after.items() if key in before and before[key].uid}


def _phases(census: Census) -> dict[tuple[str, str], str]:
    return {key: entry.phase for key, entry in census.items()}
