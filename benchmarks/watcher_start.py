"""What a watcher sends when it starts although nothing has changed.

    python -m benchmarks.watcher_start [--deployments 1000] [--postgres] [--smoke]

All deployments run and nobody touches them; then the watcher is killed and started again. Signals are counted
in the histories. Bars: at most 10 signals, and over in 20 s.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from temporalio.api.enums.v1 import EventType

from benchmarks.audit import is_ours
from benchmarks.histories import newest_run
from benchmarks.settled import settled_fleet
from benchmarks.stage import Stage, add_options, stage
from benchmarks.workload import each

MAX_SIGNALS, MAX_SECONDS = 10, 20.0
LOOK_SECONDS = 60.0
"""How long it is watched after its start: the Lease of the killed one, and time enough after that."""


async def run(on: Stage, options: argparse.Namespace) -> bool:
    """All of it; whether the bars were met."""
    async with settled_fleet(on, options.deployments, providers=options.provider or ()) as fleet:
        print(f"{options.deployments} deployments run; waiting until all is quiet", flush=True)
        await fleet.until_quiet()
        begin = await asyncio.to_thread(on.audit.mark)
        started = time.time()
        await asyncio.to_thread(fleet.watcher.kill)
        await asyncio.to_thread(fleet.watcher.start)
        await asyncio.sleep(LOOK_SECONDS)
        await fleet.until_quiet()
        calls = on.audit.calls(begin, await asyncio.to_thread(on.audit.mark))
        signals: list[float] = []
        last_event = started

        async def look(name: str) -> None:
            nonlocal last_event
            for event in await newest_run(fleet.client, fleet.workflow_id(name)):
                at = event.event_time.ToNanoseconds() / 1e9
                if at >= started:
                    last_event = max(last_event, at)
                    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                        signals.append(at)

        await each(fleet.names, look)
    took = last_event - min(signals) if signals else 0.0
    print(f"{len(signals)} signals (bar: at most {MAX_SIGNALS})")
    if signals:
        print(
            f"first {min(signals) - started:.1f} s after the kill, the Lease of the killed one included; "
            f"all was over {took:.1f} s later (bar: {MAX_SECONDS:.0f} s)"
        )
    for call, count in sorted(calls.items()):
        if is_ours(call):
            print(f"  {count:6} {call.agent} {call.verb} {call.resource}")
    return len(signals) <= MAX_SIGNALS and took <= MAX_SECONDS


def main() -> int:
    """Measure; status 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--deployments", type=int, default=1_000, help="how many (1000)")
    parser.add_argument("--provider", action="append", help="serve only this one; again for more (all)")
    parser.add_argument("--smoke", action="store_true", help="20 deployments")
    options = parser.parse_args()
    if options.smoke:
        options.deployments = 20
    with stage(postgres=options.postgres) as on:
        return 0 if asyncio.run(run(on, options)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
