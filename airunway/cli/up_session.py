"""What `airunway up` does from start to Ctrl-C, in order; see `run`."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from airunway.api.names import INSTALLER_NAMESPACE, SYSTEM_NAMESPACE
from airunway.cli.placing import RUNNING_FILE
from airunway.cli.problems import CliError, UsageError
from airunway.cli.up_display import Display, display_for
from airunway.cli.up_samples import apply_samples, samples_to_apply
from airunway.cli.up_servers import UpOptions, servers
from airunway.cli.up_state import LOCK_FILE, make_private
from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import CONFIGS, NAMESPACES, Cluster, Object
from airunway.provider.registry import installed_providers
from airunway.sandbox.temporal import claimed_port
from airunway.web.process import run_web
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.environment import read_settings
from airunway.workers.health import Ready, serve_probes
from airunway.workers.logs import close_logging, configure_logging
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker

REGISTRATION_SECONDS = 15.0


async def run(options: UpOptions) -> int:
    """Do it; answers the exit status."""
    # First: a typing error in a file must not cost a start.
    wanted = samples_to_apply(options.samples, shipped=options.shipped_samples)
    async with AsyncExitStack() as stack:
        stack.callback(os.umask, os.umask(0o077))  # state, logs and Temporal's database are nobody else's
        stack.enter_context(_lock(options.state_dir))
        stop = _stop_on_signals()
        display = stack.enter_context(display_for(wanted))
        configure_logging(read_settings(), file=options.state_dir / "airunway.log", notice=display.notice)
        stack.callback(close_logging)
        settings = await stack.enter_async_context(servers(options, display))
        cluster = await stack.enter_async_context(
            await Cluster.connect(settings.kubeconfig, context=settings.context)
        )
        settings = await with_cluster_name(settings, cluster)
        web_port = stack.enter_context(claimed_port(settings.web_port))
        settings = settings.model_copy(update={"web_port": web_port})
        await _prepare(cluster)
        _write_running(options.state_dir, settings)
        stack.callback((options.state_dir / RUNNING_FILE).unlink, missing_ok=True)
        async with _system(settings) as system:
            await display.follow(cluster, settings)
            await _until_registered(cluster)
            await apply_samples(cluster, wanted)
            return await _until_over(options, display, system, stop)


async def _prepare(cluster: Cluster) -> None:
    """Install what this system needs in a cluster: its CRDs, and its namespaces."""
    await apply_own_crds(cluster)
    for namespace in (SYSTEM_NAMESPACE, INSTALLER_NAMESPACE):
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})


# -- worker, watcher and pages -------------------------------------------------------------------------


@asynccontextmanager
async def _system(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    """Worker, watcher and pages, while the context is open. The task ends only when one of them fails."""
    ready = Ready()

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(run_worker(settings, ready=ready))
            group.create_task(run_watcher(settings, ready=ready))
            group.create_task(run_web(settings, ready=ready))
            if settings.metrics_port:
                group.create_task(serve_probes(settings, ready))

    task = asyncio.create_task(all_of_them())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until_registered(cluster: Cluster) -> None:
    """Wait for the providers, so that samples need not be selected twice; goes on without late ones."""
    wanted = set(installed_providers())
    with suppress(TimeoutError):
        async with asyncio.timeout(REGISTRATION_SECONDS):
            while True:
                if wanted <= {obj["metadata"]["name"] for obj in await _registered(cluster)}:
                    return
                await asyncio.sleep(0.1)


async def _registered(cluster: Cluster) -> list[Object]:
    """The configs whose provider has inspected its upstream; that it is ready is not said."""
    listing = await cluster.listing(CONFIGS)
    return [obj for obj in listing.items if (obj.get("status") or {}).get("lastHeartbeat")]


# -- the end --------------------------------------------------------------------------------------------


async def _until_over(
    options: UpOptions, display: Display, system: asyncio.Task[None], stop: asyncio.Event
) -> int:
    """Until a signal, a failure of the system or, with a deadline, until the samples run."""
    stopped = asyncio.create_task(stop.wait())
    running = asyncio.create_task(display.all_running.wait())
    waiting: set[asyncio.Task[Any]] = {stopped, system}
    if options.deadline is not None:
        waiting.add(running)
    try:
        done, _ = await asyncio.wait(waiting, timeout=options.deadline, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        running.cancel()
    if system in done:
        system.result()  # raises what ended it
        raise CliError("worker, watcher and pages ended without being asked to")
    if stopped in done or options.deadline is None:
        display.phase("stopping")
        return 0
    if running in done:
        return 0
    for line in display.not_running():
        display.notice(line)
    return 1


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if stop.is_set():  # the second Ctrl-C: at once, as far as children allow
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return stop


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the state folder: one `up` at a time. Raises CliError when another one has it."""
    try:
        make_private(folder)
        file = (folder / LOCK_FILE).open("a")
    except OSError as err:
        raise UsageError(f"--state-dir {folder}: {err.strerror}") from err
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise CliError(
                f"another `airunway up` uses {folder}; stop it, or name another --state-dir"
            ) from err
        yield


def _write_running(folder: Path, settings: Settings) -> None:
    """Tell other commands of this directory where everything is."""
    target = target_of(settings)
    running = {
        "pid": os.getpid(),
        "kubeconfig": str(settings.kubeconfig),
        "temporal_address": target.address,
        "temporal_ui": target.ui,
        "own_temporal": not settings.temporal_environment,
    }
    (folder / RUNNING_FILE).write_text(json.dumps(running, indent=2) + "\n")
