"""Processor time and memory of the processes below this one. Linux only (it reads /proc)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

CONTROL_PLANES = frozenset({"benchmarks.control_plane", "benchmarks.bare"})


def cpu_seconds() -> dict[str, float]:
    """Processor time so far of every process below this one, by command."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents, times, names = {}, {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
            command = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        pid = int(entry.name)
        parents[pid], times[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / ticks
        names[pid] = "control plane" if CONTROL_PLANES & set(command) else Path(command[0]).name
    total: dict[str, float] = {}
    for pid, seconds in times.items():
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            name = "benchmark" if pid == os.getpid() else names[pid]
            total[name] = total.get(name, 0.0) + seconds
    return total


def resident_mib(pid: int | None) -> float:
    """Resident memory of a process; 0 when there is none."""
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0
