"""Which cluster and which Temporal a command talks to.

The settings (environment) decide; a kubeconfig given on the command line wins. Where nothing names a
cluster, a sandbox that `airunway up` runs in this directory is used, and said so.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from airunway.cli.options import STATE_DIR
from airunway.cli.output import note
from airunway.cli.problems import CliError
from airunway.clients.kubernetes import SERVICE_ACCOUNT_TOKEN, Cluster
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import at_own_server

RUNNING_FILE = "running.json"
USUAL_KUBECONFIG = Path("~/.kube/config")


def settings_for(kubeconfig: Path | None = None, *, needs_cluster: bool = True) -> Settings:
    """The settings a command works with. Raises CliError when no cluster is named anywhere.

    `needs_cluster` false: Temporal alone will do.
    """
    settings = Settings()
    if kubeconfig is not None:
        settings = settings.model_copy(update={"kubeconfig": kubeconfig})
    if settings.kubeconfig is not None and not settings.kubeconfig.is_file():
        raise CliError(f"no usable kubeconfig: {settings.kubeconfig}: no such file")
    named = settings.kubeconfig or os.environ.get("KUBECONFIG")
    if named:
        running = _sandbox_of(Path(named))
        return _in_sandbox(settings, running) if running else settings
    running = running_sandbox(STATE_DIR)
    if running is not None:
        note(f"using the sandbox of `airunway up` in {STATE_DIR}")
        return _in_sandbox(settings, running)
    usual = USUAL_KUBECONFIG.expanduser().is_file() or os.path.exists(SERVICE_ACCOUNT_TOKEN)
    if needs_cluster and not usual:
        raise CliError(
            "no cluster is named: give --kubeconfig, set KUBECONFIG, or start a sandbox with `airunway up`"
        )
    return settings


async def named_settings(kubeconfig: Path | None = None) -> Settings:
    """The same with the cluster's name, which workflow ids begin with. Raises CliError, ClientError."""
    settings = settings_for(kubeconfig)
    if settings.cluster:
        return settings
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        return await with_cluster_name(settings, cluster)


def _in_sandbox(settings: Settings, running: dict[str, Any]) -> Settings:
    settings = settings.model_copy(update={"kubeconfig": Path(running["kubeconfig"]), "context": None})
    if os.environ.get("AIRUNWAY_TEMPORAL_ADDRESS"):
        return settings
    address, ui = running["temporal_address"], running["temporal_ui"]
    if running["own_temporal"]:
        return at_own_server(settings, address, ui)
    return settings.model_copy(update={"temporal_address": address, "temporal_ui": ui})


def _sandbox_of(kubeconfig: Path) -> dict[str, Any] | None:
    """The running sandbox that wrote this kubeconfig; it has a Temporal of its own."""
    running = running_sandbox(kubeconfig.parent)
    return running if running and Path(running["kubeconfig"]) == kubeconfig.absolute() else None


def running_sandbox(folder: Path) -> dict[str, Any] | None:
    """What a running `airunway up` wrote about itself; None when there is none."""
    try:
        running: dict[str, Any] = json.loads((folder / RUNNING_FILE).read_text())
        os.kill(int(running["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return running
