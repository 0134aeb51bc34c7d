"""Run the real servers by hand, until Ctrl-C.

    python -m tests.servers cluster | temporal | builder | all [--durable] [--folder FOLDER]

For developers (`kubectl --kubeconfig ...`) and for benchmarks. What is printed is also what the
programs of this project read from their environment.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from kube_emulator.envtest.process import ServerFailed
from tests.servers import buildkitd, cluster, registry, temporal_server
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster
from tests.servers.postgres import Postgres
from tests.servers.registry import Registry
from tests.servers.temporal_server import TemporalServer


def main() -> int:
    """Start what was asked for, print how to reach it, and wait for the end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.servers", description="Run the real servers by hand."
    )
    parser.add_argument("what", choices=["cluster", "temporal", "builder", "all"])
    parser.add_argument("--durable", action="store_true", help="wait for the disk, as production does")
    parser.add_argument("--folder", type=Path, help="keep data and logs here; without it they go at the end")
    options = parser.parse_args()
    # A plain kill should stop the servers in order too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    wanted = {options.what} if options.what != "all" else {"cluster", "temporal", "builder"}
    reasons = {
        "cluster": cluster.why_missing,
        "temporal": temporal_server.why_missing,
        "builder": lambda: buildkitd.why_missing() or registry.why_missing(),
    }
    missing = next(filter(None, (reasons[part]() for part in sorted(wanted))), None)
    if missing:
        print(f"error: {missing}", file=sys.stderr)
        return 1
    try:
        with ExitStack() as running:
            if "cluster" in wanted:
                _start_cluster(running, options.folder, options.durable)
            if "temporal" in wanted:
                _start_temporal(running, options.folder, options.durable)
            if "builder" in wanted:
                _start_builder(running, options.folder)
            print("running; Ctrl-C stops", flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    except ServerFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _start_cluster(running: ExitStack, folder: Path | None, durable: bool) -> None:
    servers = running.enter_context(Cluster(folder, durable=durable))
    print(f"KUBECONFIG={servers.kubeconfig}", flush=True)


def _start_temporal(running: ExitStack, folder: Path | None, durable: bool) -> None:
    database = running.enter_context(Postgres(folder and folder / "postgres", durable=durable))
    server = running.enter_context(TemporalServer(database, folder and folder / "temporal-server"))
    print(f"TEMPORAL_ADDRESS={server.address}", flush=True)


def _start_builder(running: ExitStack, folder: Path | None) -> None:
    daemon = running.enter_context(Buildkitd(folder and folder / "buildkitd"))
    images = running.enter_context(Registry(folder and folder / "registry"))
    print(f"BUILDKIT_HOST={daemon.address}\nREGISTRY={images.host}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
