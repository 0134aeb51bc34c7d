"""The work of `airunway worker`, `watcher`, `webhook`, `web`, `private-pulls`: serve until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from airunway.cli.cluster import settings_for
from airunway.cli.placing import Where
from airunway.cli.problems import UsageError
from airunway.provider.contract import Provider
from airunway.provider.registry import installed_providers
from airunway.workers.environment import read_settings
from airunway.workers.health import Ready, serve_probes
from airunway.workers.logs import configure_logging


def serve_worker(
    provider_names: Sequence[str] | None, *, core: bool, installer: bool, kubeconfig: Path | None
) -> None:
    """Serve what is wanted, and the named providers (an empty list: every installed one; None: none)."""
    from airunway.workers.worker import run_worker  # each process without what only others need

    served = _chosen(provider_names)
    settings = settings_for(Where(kubeconfig))
    configure_logging(settings)
    ready = Ready()
    work = run_worker(settings, providers=served, core=core, installer=installer, ready=ready)
    asyncio.run(until_stopped(work, serve_probes(settings, ready), ready=ready))


def serve_watcher(*, kubeconfig: Path | None) -> None:
    """Watch while holding the Lease."""
    from airunway.workers.watcher_process import run_watcher

    settings = settings_for(Where(kubeconfig))
    configure_logging(settings)
    ready = Ready()
    asyncio.run(until_stopped(run_watcher(settings, ready=ready), serve_probes(settings, ready)))


def serve_webhook(*, kubeconfig: Path | None) -> None:
    """Serve the admission webhooks."""
    from airunway.webhook.run import run_admission  # with what makes certificates: 6 MiB for nobody else

    settings = settings_for(Where(kubeconfig))
    configure_logging(settings)
    ready = Ready()
    asyncio.run(until_stopped(run_admission(settings, ready), serve_probes(settings, ready)))


def serve_web(*, kubeconfig: Path | None) -> None:
    """Serve the HTTP API and the pages."""
    try:
        from airunway.web.process import run_web  # with what serves it: nobody else needs that
    except ModuleNotFoundError as err:
        raise UsageError(f"{err.name} is not installed: pip install 'airunway-temporal[web]'") from err

    settings = settings_for(Where(kubeconfig))
    configure_logging(settings)
    ready = Ready()
    asyncio.run(until_stopped(run_web(settings, ready), serve_probes(settings, ready)))


def serve_private_pulls() -> None:
    """Serve private images to nodes."""
    from airunway.workers.private_pulls import run_private_pulls

    settings = read_settings()  # no cluster is asked for anything
    configure_logging(settings)
    ready = Ready()
    asyncio.run(until_stopped(run_private_pulls(settings, ready), serve_probes(settings, ready)))


def _chosen(names: Sequence[str] | None) -> dict[str, Provider]:
    if names is None:
        return {}
    installed = installed_providers()
    unknown = [name for name in names if name not in installed]
    if unknown:
        raise UsageError(f"no such provider: {', '.join(unknown)}; installed: {', '.join(installed)}")
    return {name: installed[name] for name in names} if names else installed


async def until_stopped(*work: Coroutine[Any, Any, None], ready: Ready | None = None) -> None:
    """Run until SIGTERM or Ctrl-C, then let everything end in order. What fails, ends the process.

    What `ready` has to drain is waited for first; a second signal ends that.
    """
    asked = asyncio.Queue[int]()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.put_nowait, number)
    tasks = [asyncio.create_task(part) for part in work]

    async def until_asked() -> None:
        await asked.get()
        if ready is not None and ready.drain is not None:
            draining, hurry = asyncio.ensure_future(ready.drain()), asyncio.create_task(asked.get())
            await asyncio.wait([draining, hurry], return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
            hurry.cancel()

    stopped = asyncio.create_task(until_asked())
    try:
        await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
