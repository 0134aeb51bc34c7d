"""How long `airunway up` takes to the first Running sample, its memory, and what it takes off the rate.

    python -m benchmarks.up [--runs 3] [--burst 100] [--pairs 2]

Starts the command so often, each time in an empty folder (so nothing is resumed), reads its output, and sums
the resident memory of its whole process tree every quarter of a second. Then a burst of deployments on a real
kube-apiserver goes through worker and watcher alone, serving one provider, and through `airunway up` in a
terminal: with its table, and with all providers. Bars: first Running within 20 s of the command, under 900 MB
resident, a rate of at least 90 %. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.instant_operator import InstantOperator
from benchmarks.stage import OPERATOR, Process, Stage, stage, until_provider_ready
from benchmarks.workload import Fleet, create_all

WANTED_SECONDS = 20.0
MIN_RATE_RATIO = 0.9
WARM_UP = 5
WANTED_MB = 900.0
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Run:
    first_running: float
    all_running: float
    max_memory_mb: float
    memory_after_mb: float


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += tree(int(child))
        except OSError:
            continue
    return found


def resident_mb(pid: int) -> float:
    """Resident memory of a process tree; shared pages count for each process that has them."""
    total = 0
    for member in tree(pid):
        try:
            lines = Path(f"/proc/{member}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total * 1024 / 1e6


def measure() -> Run:
    with tempfile.TemporaryDirectory() as folder:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRUNWAY_")}
        environment.pop("KUBECONFIG", None)
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "airunway.cli", "up"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        most = [0.0]
        done = threading.Event()

        def sample() -> None:
            while not done.wait(0.25):
                most[0] = max(most[0], resident_mb(process.pid))

        sampler = threading.Thread(target=sample)
        sampler.start()
        watchdog = threading.Timer(PATIENCE_SECONDS, process.kill)
        watchdog.start()
        try:
            first, everything = follow(process, started)
            after = resident_mb(process.pid)
        finally:
            done.set()
            watchdog.cancel()
            sampler.join()
            process.send_signal(signal.SIGINT)
            process.communicate()
        return Run(first, everything, most[0], after)


def follow(process: subprocess.Popen[str], started: float) -> tuple[float, float]:
    """Seconds to the first and to the last Running sample."""
    assert process.stdout is not None
    first = 0.0
    lines = []
    for line in process.stdout:
        lines.append(line)
        if ": Running" in line and not first:
            first = time.monotonic() - started
        if "every sample runs" in line:
            return first, time.monotonic() - started
    raise SystemExit(f"airunway up ended without running its samples:\n{''.join(lines)}")


class UpProcess(Process):
    """`airunway up` on a stage's servers, in a terminal of its own, so that it draws its table."""

    def command(self) -> list[str]:
        """Within `script`, which makes the terminal."""
        up = f"exec {sys.executable} -m airunway.cli up --no-samples --kubeconfig {self.kubeconfig}"
        return [*self.with_environment(), "script", "--quiet", "--return", "--command", up, "/dev/null"]

    def is_ready(self) -> bool:
        """It has no probe; its providers' configs tell."""
        return True


async def burst_rate(on: Stage, count: int) -> float:
    """Deployments per second, from the first creation until all are Running."""
    async with await on.connect() as cluster, await on.connect(OPERATOR) as operators:
        fleet = Fleet(cluster)
        following = [fleet.follow(), InstantOperator(operators).run()]
        tasks = [asyncio.create_task(one) for one in following]
        try:
            await until_provider_ready(cluster)
            await create_all(cluster, fleet, [f"warm-{number}" for number in range(WARM_UP)])
            begin = time.monotonic()
            await create_all(cluster, fleet, [f"many-{number}" for number in range(count)])
            return count / (time.monotonic() - begin)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def rate(count: int, *, with_up: bool) -> float:
    """The rate of a burst on servers of its own."""
    with stage(postgres=False) as on:
        if with_up:
            on.start("up", process=UpProcess)
        else:
            on.start("both", "benchmarks.control_plane", "--provider", "kaito")
        return asyncio.run(burst_rate(on, count))


def cost(count: int, pairs: int) -> bool:
    """Print what `up` takes off the rate; whether the bar was met."""
    alone, up = [], []
    for _ in range(pairs):
        alone.append(rate(count, with_up=False))
        up.append(rate(count, with_up=True))
        print(f"{count} at once: {alone[-1]:.1f} per second alone, {up[-1]:.1f} in `airunway up`", flush=True)
    ratio = statistics.median(up) / statistics.median(alone)
    print(f"rate in `airunway up`: {ratio:.0%} (bar: at least {MIN_RATE_RATIO:.0%})")
    return ratio >= MIN_RATE_RATIO


def main() -> int:
    """Measure; status 1 when a bar was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3, help="starts of the command; 0: only the rate (3)")
    parser.add_argument("--burst", type=int, default=100, help="deployments at once (100)")
    parser.add_argument("--pairs", type=int, default=2, help="bursts alone and in `up`, in turn; 0: none (2)")
    options = parser.parse_args()
    met = start_is_good(options.runs) if options.runs else True
    if options.pairs:
        met &= cost(options.burst, options.pairs)
    return 0 if met else 1


def start_is_good(count: int) -> bool:
    """Print how starts went; whether the bars were met."""
    runs = []
    for number in range(count):
        run = measure()
        runs.append(run)
        print(
            f"run {number + 1}: first Running {run.first_running:.1f} s, all {run.all_running:.1f} s; "
            f"memory at most {run.max_memory_mb:.0f} MB, with all running {run.memory_after_mb:.0f} MB",
            flush=True,
        )
    slowest = max(run.first_running for run in runs)
    largest = max(run.max_memory_mb for run in runs)
    print(f"worst:  first Running {slowest:.1f} s (wanted: {WANTED_SECONDS:.0f} s), ", end="")
    print(f"memory {largest:.0f} MB (wanted: below {WANTED_MB:.0f} MB)")
    return slowest <= WANTED_SECONDS and largest < WANTED_MB


if __name__ == "__main__":
    sys.exit(main())
