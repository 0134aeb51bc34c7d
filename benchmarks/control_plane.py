"""Worker and watcher, in one process or as two, with probes: `python -m benchmarks.control_plane [ROLE]`.

For benchmarks: as `airunway worker` and `airunway watcher`, but for the choice of providers.
"""

import argparse
import asyncio
from collections.abc import Coroutine
from typing import Any

from airunway.provider.registry import installed_providers
from airunway.workers.health import Ready, serve_probes
from airunway.workers.logs import configure_logging
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker

ROLES = ("both", "worker", "watcher")


async def main(role: str, names: list[str]) -> None:
    """Run until killed."""
    settings, ready = Settings(), Ready()
    configure_logging(settings)
    installed = installed_providers()
    providers = {name: provider for name, provider in installed.items() if name in (names or installed)}
    work: list[Coroutine[Any, Any, None]] = [serve_probes(settings, ready)]
    if role in ("both", "worker"):
        work.append(run_worker(settings, providers=providers, ready=ready))
    if role in ("both", "watcher"):
        work.append(run_watcher(settings, providers=providers, ready=ready))
    await asyncio.gather(*work)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", nargs="?", choices=ROLES, default="both")
    parser.add_argument("--provider", action="append", help="serve this one; again for more (all)")
    options = parser.parse_args()
    asyncio.run(main(options.role, options.provider or []))
