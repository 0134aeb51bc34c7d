"""Which cluster and which Temporal a command talks to.

The settings (environment) decide; a kubeconfig given on the command line wins. Where nothing names a
cluster, a sandbox that `airunway up` runs in this directory is used, and said so.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from airunway.cli.contexts import USUAL_KUBECONFIG, read_contexts
from airunway.cli.options import ANYWHERE, STATE_DIR, Where
from airunway.cli.output import note
from airunway.cli.problems import CliError
from airunway.clients.kubernetes import SERVICE_ACCOUNT_TOKEN, Cluster
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.command_settings import CommandSettings
from airunway.workers.environment import read_command_settings, read_settings
from airunway.workers.temporal.target import at_own_server

if TYPE_CHECKING:
    from airunway.workers.settings import Settings

RUNNING_FILE = "running.json"
DEFAULT_NAMESPACE = "default"
SomeSettings = TypeVar("SomeSettings", bound=CommandSettings)


def settings_for(where: Where = ANYWHERE, *, needs_cluster: bool = True) -> Settings:
    """The settings a command works with. Raises CliError when no cluster is named anywhere.

    `needs_cluster` false: Temporal alone will do.
    """
    return _placed(read_settings(), where, needs_cluster=needs_cluster)


def settings_for_a_look(where: Where = ANYWHERE) -> CommandSettings:
    """The same for a command that asks the cluster and Temporal, and decides nothing."""
    return _placed(read_command_settings(), where, needs_cluster=True)


def _placed(settings: SomeSettings, where: Where, *, needs_cluster: bool) -> SomeSettings:
    if where.kubeconfig is not None:
        settings = settings.model_copy(update={"kubeconfig": where.kubeconfig})
    if settings.kubeconfig is not None and not settings.kubeconfig.is_file():
        raise CliError(f"no usable kubeconfig: {settings.kubeconfig}: no such file")
    named = settings.kubeconfig or os.environ.get("KUBECONFIG")
    if named:
        running = _sandbox_of(Path(named))
        return _in_context(_in_sandbox(settings, running) if running else settings, where.context)
    # A context is one of the usual kubeconfig: the sandbox has none that anybody would name.
    running = running_sandbox(STATE_DIR) if where.context is None else None
    if running is not None:
        note(f"using the sandbox of `airunway up` in {STATE_DIR}")
        return _in_sandbox(settings, running)
    usual = USUAL_KUBECONFIG.expanduser().is_file() or os.path.exists(SERVICE_ACCOUNT_TOKEN)
    if needs_cluster and not usual:
        raise CliError(
            "no cluster is named: give --kubeconfig, set KUBECONFIG, or start a sandbox with `airunway up`"
        )
    return _in_context(settings, where.context)


def namespace_for(settings: CommandSettings, given: str | None) -> str:
    """The namespace that a command is about: the one that was given, else that of the context, `default`.

    `given` None or empty: none was. Raises CliError for a kubeconfig that cannot be read.
    """
    if given:
        return given
    if settings.kubeconfig is None and os.path.exists(SERVICE_ACCOUNT_TOKEN):
        found = Path(SERVICE_ACCOUNT_TOKEN).with_name("namespace")
        return (found.read_text().strip() if found.is_file() else "") or DEFAULT_NAMESPACE
    return read_contexts(settings.kubeconfig).namespace_of(settings.context) or DEFAULT_NAMESPACE


def _in_context(settings: SomeSettings, context: str | None) -> SomeSettings:
    """With the context that was asked for; of several kubeconfigs with the one that `kubectl` would take."""
    if context is None and os.pathsep not in os.environ.get("KUBECONFIG", ""):
        return settings
    if context is None and (settings.context or settings.kubeconfig):
        return settings
    known = read_contexts(settings.kubeconfig)
    if context is not None and context not in known.namespaces:
        there = ", ".join(sorted(known.namespaces)) or "none"
        raise CliError(f"the kubeconfig has no context {context!r}; there are: {there}")
    return settings.model_copy(update={"context": context or known.current or None})


async def named_settings(where: Where = ANYWHERE) -> Settings:
    """The same with the cluster's name, which workflow ids begin with. Raises CliError, ClientError."""
    settings = settings_for(where)
    if settings.cluster:
        return settings
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        return await with_cluster_name(settings, cluster)


def _in_sandbox(settings: SomeSettings, running: dict[str, Any]) -> SomeSettings:
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
