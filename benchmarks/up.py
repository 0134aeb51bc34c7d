"""How long `airunway up` takes to the first Running sample, and how much memory everything takes together.

    python benchmarks/up.py [--runs N]

Starts the command N times, each in an empty folder (so nothing is resumed), reads its output, and sums the
resident memory of its whole process tree every quarter of a second. Bars: first Running within 20 s of the
command, under 900 MB resident. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

WANTED_SECONDS = 20.0
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


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure `airunway up`.")
    parser.add_argument("--runs", type=int, default=3)
    runs = []
    for number in range(parser.parse_args().runs):
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
    return 0 if slowest <= WANTED_SECONDS and largest < WANTED_MB else 1


if __name__ == "__main__":
    sys.exit(main())
