"""What a deployment costs on Temporal Cloud: billable actions of a life, and of an idle day.

    python -m benchmarks.actions [--lives 5] [--idle-minutes 5] [--postgres]
                                 [--model vllm|llamacpp-image|gguf]

A life is: created, Running, edited, Running again, deleted. Actions are counted in the histories, of its own
workflow and of those of images that took part; see benchmarks/histories.py for the rules.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Mapping

from airunway.clients.kubernetes import DEPLOYMENTS
from benchmarks.histories import actions_of, newest_run, pending_timers, runs_of
from benchmarks.pretend_images import pretend_images
from benchmarks.settled import SettledFleet, settled_fleet
from benchmarks.stage import Stage, add_options, stage
from benchmarks.workload import MODELS, NAMESPACE, create_all, each, edit

DAY = 86_400.0
STAGES = ("create -> Running", "edit -> Running", "deletion")


async def run(on: Stage, options: argparse.Namespace) -> None:
    """Live the lives; print what each stage of them costs."""
    async with settled_fleet(on, 1, model=options.model) as fleet:  # an image is built for the first one
        await fleet.until_quiet()
        fleet.names = [f"life-{number}" for number in range(options.lives)]
        shared = await _shared(fleet)
        await create_all(fleet.cluster, fleet.fleet, fleet.names, model=options.model)
        await fleet.until_quiet()
        running = await _own(fleet)
        shared_after = await _shared(fleet)
        await asyncio.sleep(options.idle_minutes * 60)
        idle = await _own(fleet) - running
        timers = [
            seconds
            for name in fleet.names
            for seconds in pending_timers(await newest_run(fleet.client, fleet.workflow_id(name)))
        ]
        await _edit_all(fleet)
        edited = await _own(fleet)
        await each(fleet.names, lambda name: fleet.cluster.delete(DEPLOYMENTS, name, namespace=NAMESPACE))
        await fleet.fleet.until(lambda: not fleet.fleet.generations.keys() & set(fleet.names))
        await asyncio.sleep(5)  # the last signals and steps
        deleted = await _own(fleet)
    stages = (running, edited - running - idle, deleted - edited)
    for title, actions in zip(STAGES, stages, strict=True):
        _show(title, actions, options.lives)
    _show("all of a life", deleted - idle, options.lives)
    _show("image workflows meanwhile", shared_after - shared, options.lives)
    per_day = sum(idle.values()) / options.lives / options.idle_minutes * 24 * 60
    fired = sum(DAY / seconds for seconds in timers) / options.lives
    print(
        f"an idle day: {per_day:.0f} actions (in {options.idle_minutes:g} minutes: {dict(idle) or 'none'}), "
        f"and {fired:.0f} times that a timer fires"
    )


async def _edit_all(fleet: SettledFleet) -> None:
    wanted: dict[str, int] = {}

    async def change(name: str) -> None:
        wanted[name] = await edit(fleet.cluster, name, 1)

    await each(fleet.names, change)
    await fleet.fleet.until_runs(wanted)
    await fleet.until_quiet()


async def _own(fleet: SettledFleet) -> Counter[str]:
    """Actions so far of the lives' own workflows."""
    found: Counter[str] = Counter()
    for name in fleet.names:
        found += await _of(fleet, fleet.workflow_id(name))
    return found


async def _shared(fleet: SettledFleet) -> Counter[str]:
    """Actions so far of workflows that deployments share: images, installations, plans."""
    found: Counter[str] = Counter()
    ids = {one.id async for one in fleet.client.list_workflows()}
    for workflow_id in sorted(ids):
        if not workflow_id.startswith("modeldeployment/"):
            found += await _of(fleet, workflow_id)
    return found


async def _of(fleet: SettledFleet, workflow_id: str) -> Counter[str]:
    found: Counter[str] = Counter()
    async for run in runs_of(fleet.client, workflow_id):
        found += actions_of(run)
    return found


def _show(title: str, actions: Mapping[str, int], lives: int) -> None:
    parts = ", ".join(f"{kind} {count / lives:.1f}" for kind, count in sorted(actions.items()) if count)
    print(f"{title}: {sum(actions.values()) / lives:.1f} actions ({parts or 'none'})", flush=True)


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--lives", type=int, default=5, help="deployments whose mean is printed (5)")
    parser.add_argument("--idle-minutes", type=float, default=5, help="how long they are left alone (5)")
    parser.add_argument("--model", choices=sorted(MODELS), default="vllm", help="what is served (vllm)")
    options = parser.parse_args()
    with stage(postgres=options.postgres) as on, pretend_images(on, wanted=options.model == "gguf"):
        asyncio.run(run(on, options))


if __name__ == "__main__":
    main()
