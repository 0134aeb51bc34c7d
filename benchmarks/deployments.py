"""How fast a deployment goes through, and what for: one at a time, many at once, beside the yardstick.

    python -m benchmarks.deployments [--pairs 3] [--model vllm|llamacpp-image|gguf] [--postgres]
                                     [--singles 30] [--burst 100] [--bare]

On a real kube-apiserver and Temporal, started for it; worker and watcher run in one process. The operator
answers at once, so that the figures are the control plane's. `--pairs` measures benchmarks/bare.py and ours
in turn and prints the ratios, which depend less on the machine and its mood. Every call to the API server is
counted from its audit log and listed with its reason. Bars: create -> Workspace at most 1.7 times bare at the
median, a burst at least 0.7 times as fast, at most 6 writes from creation to Running, Events included.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from benchmarks.audit import Call, is_ours, total
from benchmarks.instant_operator import InstantOperator
from benchmarks.pretend_images import pretend_images
from benchmarks.processes import cpu_seconds, resident_mib
from benchmarks.stage import OPERATOR, Process, Stage, add_options, stage, until_provider_ready
from benchmarks.workload import MODELS, NAMESPACE, Fleet, deployment, each

WARM_UP = 5
BETWEEN_SECONDS = 0.2
MAX_P50_RATIO, MIN_BURST_RATIO, MAX_WRITES = 1.7, 0.7, 6

REASONS = {
    ("create", "events"): "Events for `kubectl describe`: what was selected, what was made, how it went",
    ("get", "events"): "one of that name is there, as the same was told before",
    ("patch", "events"): "the same is told again, and counted",
    ("create", "workspaces"): "the provider's object, which is the point of it all",
    ("patch", "workspaces"): "the provider's object, applied again",
    ("patch", "modeldeployments"): "our finalizer, before anything is made that a deletion must release",
    ("patch", "modeldeployments/status"): "the status: once it is applied, once it runs",
    ("get", "modeldeployments"): "the facts to decide on, read from their owner after the signal",
    ("get", "workspaces"): "whether an object of that name is there, and whose; then its state",
    ("list", "pods"): "the pods behind what says it is ready: Ready comes from evidence",
    **{
        ("list", kind): "causes, where an object is not ready for a while"
        for kind in ("events", "deployments", "replicasets", "statefulsets")
    },
    (
        "get",
        "inferenceproviderconfigs",
    ): "whether the provider is ready, read again when it is some seconds old",
    (
        "list",
        "inferenceproviderconfigs",
    ): "the candidates of the selection; readers at the same time share one",
}


@dataclass
class Figures:
    """What one run gave; times in seconds."""

    to_workspace: list[float] = field(default_factory=list)
    to_running: list[float] = field(default_factory=list)
    burst: int = 0
    burst_seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    calls: Counter[Call] = field(default_factory=Counter)
    counted: int = 0
    """Deployments that the calls and the processor time are of."""
    memory_mib: tuple[float, float] = (0.0, 0.0)

    @property
    def p50(self) -> float:
        """create -> Workspace at the median."""
        return statistics.median(self.to_workspace)

    @property
    def rate(self) -> float:
        """Deployments of the burst per second, until all were Running."""
        return self.burst / self.burst_seconds


async def measure(on: Stage, process: Process, options: argparse.Namespace) -> Figures:
    """The whole run on a stage whose control plane is ready."""
    figures = Figures(burst=options.burst)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(await on.connect())
        operator = InstantOperator(await stack.enter_async_context(await on.connect(OPERATOR)))
        fleet = Fleet(cluster)
        tasks = [asyncio.create_task(operator.run()), asyncio.create_task(fleet.follow())]
        try:
            await until_provider_ready(cluster)
            for number in range(WARM_UP):
                await _one(cluster, fleet, f"warm-{number}", options.model)
            begin = await asyncio.to_thread(on.audit.mark)
            before, memory = cpu_seconds(), resident_mib(process.pid)
            for number in range(options.singles):
                name = f"one-{number}"
                started = await _one(cluster, fleet, name, options.model)
                figures.to_workspace.append(operator.seen[f"{NAMESPACE}/{name}"] - started)
                figures.to_running.append(fleet.first_running[name] - started)
                await asyncio.sleep(BETWEEN_SECONDS)
            figures.burst_seconds = await _burst(cluster, fleet, options)
            figures.cpu = {name: spent - before.get(name, 0) for name, spent in cpu_seconds().items()}
            figures.calls = on.audit.calls(begin, await asyncio.to_thread(on.audit.mark))
        finally:
            for task in tasks:
                task.cancel()
    figures.counted = options.singles + options.burst
    figures.memory_mib = (memory, resident_mib(process.pid))
    return figures


async def _one(cluster: Cluster, fleet: Fleet, name: str, model: str) -> float:
    """Create one and wait until it runs; answers when it was created."""
    started = asyncio.get_running_loop().time()
    await cluster.create(DEPLOYMENTS, deployment(name, model), namespace=NAMESPACE)
    await fleet.until_running([name])
    return started


async def _burst(cluster: Cluster, fleet: Fleet, options: argparse.Namespace) -> float:
    names = [f"many-{number}" for number in range(options.burst)]
    begin = asyncio.get_running_loop().time()
    await each(
        names,
        lambda name: cluster.create(DEPLOYMENTS, deployment(name, options.model), namespace=NAMESPACE),
        at_once=len(names),
    )
    await fleet.until_running(names)
    return max(fleet.first_running[name] for name in names) - begin


def run(options: argparse.Namespace, *, bare: bool) -> Figures:
    """Start everything, measure, stop everything."""
    with stage(postgres=options.postgres) as on, pretend_images(on, wanted=options.model == "gguf"):
        if bare:
            process = on.start("bare", "benchmarks.bare")
        else:
            process = on.start("both", "benchmarks.control_plane", "--provider", "kaito")
        return asyncio.run(measure(on, process, options))


# -- what is printed ------------------------------------------------------------------------------------


def show(title: str, figures: Figures, *, calls: bool) -> None:
    """Everything of one run."""
    print(f"{title}:")
    for what, values in (
        ("create -> Workspace", figures.to_workspace),
        ("create -> Running", figures.to_running),
    ):
        p95 = sorted(values)[int(len(values) * 0.95)]
        print(f"  {what}: p50 {statistics.median(values):.3f} s, p95 {p95:.3f} s, n={len(values)}")
    print(f"  {figures.burst} at once: {figures.burst_seconds:.1f} s = {figures.rate:.1f} per second")
    for name, seconds in sorted(figures.cpu.items(), key=lambda item: -item[1]):
        each_ms = seconds / figures.counted * 1000
        if each_ms >= 1:
            print(f"  processor time per deployment, {name}: {each_ms:.0f} ms")
    print(f"  memory of the control plane: {figures.memory_mib[0]:.0f} MiB, then {figures.memory_mib[1]:.0f}")
    if calls:
        _show_calls(figures)


def _show_calls(figures: Figures) -> None:
    ours = Counter({call: count for call, count in figures.calls.items() if is_ours(call)})
    print("  API calls per deployment, by whom, what and why:")
    for call, count in sorted(ours.items(), key=lambda item: (not item[0].is_write, item[0])):
        if call.verb == "watch":
            continue
        reason = REASONS.get((call.verb, call.resource), "NO REASON IS KNOWN")
        manager = f" as {call.manager}" if call.manager else ""
        each_one = count / figures.counted
        print(f"  {each_one:6.2f}  {call.agent} {call.verb} {call.resource}{manager}: {reason}")
    writes = total(ours, writes=True) / figures.counted
    reads = total(ours, writes=False) / figures.counted
    print(f"  {writes:.2f} writes (bar: at most {MAX_WRITES}) and {reads:.2f} reads per deployment")


def compare(bare: list[Figures], ours: list[Figures]) -> None:
    """Ratios of the medians over all pairs."""
    p50 = statistics.median(one.p50 for one in ours) / statistics.median(one.p50 for one in bare)
    rate = statistics.median(one.rate for one in ours) / statistics.median(one.rate for one in bare)
    print(f"ratios to bare, medians of {len(ours)} pairs:")
    print(f"  create -> Workspace p50: {p50:.2f} (bar: at most {MAX_P50_RATIO})")
    print(f"  burst: {rate:.2f} (bar: at least {MIN_BURST_RATIO})")
    spent, base = _cpu_each(ours), _cpu_each(bare)
    for name in sorted(spent.keys() & base.keys(), key=lambda name: -spent[name]):
        if base[name] >= 0.001 and name != "benchmark":
            print(f"  processor time, {name}: {spent[name] / base[name]:.2f}")


def _cpu_each(runs: list[Figures]) -> Mapping[str, float]:
    names = set.intersection(*(set(one.cpu) for one in runs))
    return {name: statistics.median(one.cpu[name] / one.counted for one in runs) for name in names}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--bare", action="store_true", help="only the yardstick of benchmarks/bare.py")
    parser.add_argument("--pairs", type=int, default=0, help="measure bare and ours in turn, so often")
    parser.add_argument("--model", choices=sorted(MODELS), default="vllm", help=MODELS_HELP)
    parser.add_argument("--singles", type=int, default=30, help="deployments one after the other (30)")
    parser.add_argument("--burst", type=int, default=100, help="deployments at once (100)")
    options = parser.parse_args()
    if not options.pairs:
        what = "bare" if options.bare else f"ours, {options.model}"
        show(what, run(options, bare=options.bare), calls=not options.bare)
        return
    bare, ours = [], []
    for number in range(options.pairs):
        bare.append(run(options, bare=True))
        show(f"bare, run {number + 1}", bare[-1], calls=False)
        ours.append(run(options, bare=False))
        show(f"ours, {options.model}, run {number + 1}", ours[-1], calls=number == options.pairs - 1)
    compare(bare, ours)


MODELS_HELP = (
    "vllm: KAITO serves a preset; llamacpp-image: the spec names an image; gguf: an image of the model"
)

if __name__ == "__main__":
    main()
