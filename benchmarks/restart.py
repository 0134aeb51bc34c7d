"""How long deployments stand still when everything is killed: restart and fail-over under load.

    python -m benchmarks.restart [--deployments 500] [--changes 2000] [--postgres] [--smoke]

A real kube-apiserver and Temporal are started for it; worker and watcher are processes of their own.
1. `--whole-lives` deployments are edited `--changes` times each, waiting each time until they run again.
   What is left of such a life is printed: runs, the longest of them, the state that is carried on.
2. Meanwhile all others are edited until their present run is somewhere between new and about to continue as
   new, as those of a fleet are at any moment. A life leaves no more than that (1. shows it), however long it
   was.
3. Worker and watcher are killed (SIGKILL) and started again, every deployment is edited at the same time, and
   measured is, from the kill, when the status of each is of its edit, and when it runs as edited.
4. The same with Temporal killed and started again; and with nothing killed, for comparison.
Bars: the status of each is of its edit within 60 s; no workflow task runs into its time limit.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from airunway.messages.deployment import Limits
from benchmarks.histories import TaskTroubles, newest_run, runs_of
from benchmarks.settled import SettledFleet, settled_fleet
from benchmarks.stage import Process, Stage, add_options, lines_of, stage
from benchmarks.workload import each, edit_in_place

WANTED_SECONDS = 60.0
PATIENCE_SECONDS = 600.0
EDITED_AT_ONCE = 32
HISTORY_EVENTS = Limits(rollout_deadline=1, finalizer_timeout=1).history_events
TROUBLE_LEVELS = ("warning", "error", "critical")


async def live(fleet: SettledFleet, name: str, number: int) -> None:
    """One edit, until it runs again."""
    generation = await edit_in_place(fleet.cluster, name, fleet.fleet.generations.get(name, number))
    await fleet.fleet.until_runs({name: generation})


async def live_whole_lives(fleet: SettledFleet, names: list[str], changes: int) -> None:
    """So many edits of each, one after the other; prints what they leave."""
    began = time.monotonic()

    async def life(name: str) -> None:
        for number in range(changes):
            await live(fleet, name, number)

    await each(names, life)
    for name in names:
        lengths, carried = [], 0
        async for run in runs_of(fleet.client, fleet.workflow_id(name)):
            lengths.append(len(run))
            carried = max(carried, run[0].ByteSize())
        print(
            f"{name}: {changes} changes in {time.monotonic() - began:.0f} s, {len(lengths)} runs, "
            f"the longest of {max(lengths)} events; a run begins with {carried / 1024:.1f} KiB at most",
            flush=True,
        )


async def spread_over_a_run(fleet: SettledFleet, names: list[str]) -> None:
    """Edit each until its run is as long as its place in the list says: from new to nearly full."""
    targets = {name: HISTORY_EVENTS * number / len(names) for number, name in enumerate(names)}

    async def length_of(name: str) -> int:
        described = await fleet.client.get_workflow_handle(fleet.workflow_id(name)).describe()
        return described.history_length

    async def grow(name: str) -> None:
        before = 0
        # A run that got shorter has just continued as new: nearly full is what it was.
        while before <= (length := await length_of(name)) < targets[name]:
            before = length
            await live(fleet, name, 0)

    await each(names, grow, at_once=EDITED_AT_ONCE)
    lengths = sorted([await length_of(name) for name in names])
    print(
        f"{len(names)} deployments with runs of {lengths[0]} to {lengths[-1]} events, "
        f"{statistics.median(lengths):.0f} at the median",
        flush=True,
    )


async def measure(fleet: SettledFleet, title: str, bring_back: Callable[[], None]) -> bool:
    """Edit all while something is brought back; prints when they reacted. Whether the bars were met."""
    marks = {process: len(lines_of(process.log)) for process in (fleet.worker, fleet.watcher)}
    since = time.time()
    begin = asyncio.get_running_loop().time()
    coming_back = asyncio.create_task(asyncio.to_thread(bring_back))
    wanted: dict[str, int] = {}

    async def change(name: str) -> None:
        wanted[name] = await edit_in_place(fleet.cluster, name, fleet.fleet.generations[name])

    await each(fleet.names, change)
    await coming_back
    up = asyncio.get_running_loop().time()
    try:
        await fleet.fleet.until_runs(wanted, patience=PATIENCE_SECONDS)
    except TimeoutError:
        print(f"{title}: some have not reacted after {PATIENCE_SECONDS:.0f} s")
    taken = _seconds(fleet.fleet.reacted, wanted, begin)
    running = _seconds(fleet.fleet.running, wanted, begin)
    troubles = await _troubles(fleet, since)
    met = len(taken) == len(wanted) and taken[-1] <= WANTED_SECONDS and not troubles.timed_out
    print(
        f"{title}: up again after {up - begin:.1f} s\n"
        f"  reacted to an edit, {_spread(taken)} (bar: {WANTED_SECONDS:.0f} s)\n"
        f"  and run as edited, {_spread(running)}\n"
        f"  workflow tasks: {troubles.timed_out} ran into their time limit (bar: 0), {troubles.not_taken} "
        f"were left by the dead worker's queue, failed: {dict(troubles.failed) or 'none'}",
        flush=True,
    )
    for process, mark in marks.items():
        _show_log(process, mark)
    return met


def _seconds(record: Mapping[str, tuple[int, float]], wanted: Mapping[str, int], begin: float) -> list[float]:
    """When each got there, from the first to the last."""
    there = {name: record.get(name, (0, 0.0)) for name in wanted}
    return sorted(at - begin for name, (generation, at) in there.items() if generation >= wanted[name])


def _spread(taken: list[float]) -> str:
    if not taken:
        return "none"
    return (
        f"{len(taken)}: first {taken[0]:.1f} s, p50 {statistics.median(taken):.1f} s, "
        f"p95 {taken[int(len(taken) * 0.95)]:.1f} s, last {taken[-1]:.1f} s"
    )


async def _troubles(fleet: SettledFleet, since: float) -> TaskTroubles:
    troubles = TaskTroubles()

    async def look(name: str) -> None:
        events = await newest_run(fleet.client, fleet.workflow_id(name))
        troubles.add([event for event in events if event.event_time.ToSeconds() >= int(since)])

    await each(fleet.names, look)
    return troubles


def _show_log(process: Process, mark: int) -> None:
    """How many lines of trouble a process wrote, by what they say."""
    said: dict[str, int] = {}
    for line in lines_of(process.log)[mark:]:
        event = str(line.get("event", ""))
        if line.get("level") in TROUBLE_LEVELS or "WARN" in event or "ERROR" in event:
            said[event[:100]] = said.get(event[:100], 0) + 1
    for event, count in sorted(said.items(), key=lambda item: -item[1])[:5]:
        print(f"  log of {process.name}: {count} x {event}")


def restart_processes(fleet: SettledFleet) -> None:
    """Kill both, then start both at the same time."""
    both = (fleet.worker, fleet.watcher)
    for process in both:
        process.kill()
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda process: process.start(), both))


def restart_temporal(fleet: SettledFleet) -> None:
    """Kill Temporal and start it again."""
    fleet.on.temporal.kill()
    fleet.on.temporal.start()


async def run(on: Stage, options: argparse.Namespace) -> bool:
    """All of it; whether the bars were met."""
    async with settled_fleet(on, options.deployments) as fleet:
        # The watcher folds what comes faster than twice a second, so a whole life takes its time.
        await asyncio.gather(
            live_whole_lives(fleet, fleet.names[: options.whole_lives], options.changes),
            spread_over_a_run(fleet, fleet.names[options.whole_lives :]),
        )
        met = await measure(fleet, "worker and watcher killed", lambda: restart_processes(fleet))
        met &= await measure(fleet, "Temporal killed", lambda: restart_temporal(fleet))
        await measure(fleet, "nothing killed", lambda: None)
        return met


def main() -> int:
    """Measure; status 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--deployments", type=int, default=500, help="how many (500)")
    parser.add_argument("--changes", type=int, default=2_000, help="edits of a whole life (2000)")
    parser.add_argument("--whole-lives", type=int, default=1, help="deployments that live all of them (1)")
    parser.add_argument(
        "--smoke", action="store_true", help="20 deployments, 40 changes: does it work at all"
    )
    options = parser.parse_args()
    if options.smoke:
        options.deployments, options.changes = 20, 40
    with stage(postgres=options.postgres) as on:
        return 0 if asyncio.run(run(on, options)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
