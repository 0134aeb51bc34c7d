"""Runs the emulated cluster alone: `python -m kube_emulator --port 0 --kubeconfig FILE`."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from .server import EmulatedCluster


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kube_emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="file to write the kubeconfig to")
    parser.add_argument("--state-dir", type=Path, help="folder to keep the objects in over restarts")
    parser.add_argument(
        "--namespace", action="append", default=[], help="namespace to create; may be repeated"
    )
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    cluster = EmulatedCluster(namespaces=arguments.namespace, state_dir=arguments.state_dir)
    await cluster.start(arguments.port)
    cluster.kubeconfig(arguments.kubeconfig)
    print(f"listening on {cluster.url}; kubeconfig {arguments.kubeconfig}", flush=True)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await cluster.stop()


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))
