"""Which cluster and which Temporal a command goes to: what was named, else a sandbox of this directory.

The settings (environment) decide; a kubeconfig given on the command line wins. Where nothing names a
cluster, a sandbox that `airunway up` runs in this directory is used, and said so. Apart from `cluster`, which
loads the settings and the client: what is shown the quick way has neither.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunway.api.names import SERVICE_ACCOUNT_TOKEN
from airunway.cli.contexts import USUAL_KUBECONFIG, read_contexts
from airunway.cli.problems import CliError
from airunway.workers.temporal.local_server import own_server_settings

STATE_DIR = Path(".airunway")
"""Where `airunway up` keeps its state, and other commands look for it."""
RUNNING_FILE = "running.json"
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True)
class Where:
    """The cluster that was named on the command line, if one was."""

    kubeconfig: Path | None = None
    context: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether a cluster was named."""
        return self.kubeconfig is not None or self.context is not None


ANYWHERE = Where()
"""No cluster was named on the command line."""


@dataclass(frozen=True)
class Place:
    """What the command line and this directory say beside the settings."""

    settings: Mapping[str, Any]
    """Laid over the settings."""
    remark: str = ""
    """What a person is told about it."""


def place_of(
    kubeconfig: Path | None, context: str | None, where: Where, *, needs_cluster: bool = True
) -> Place:
    """Where a command goes; `kubeconfig` and `context`: what the settings say.

    Raises CliError when no cluster is named anywhere. `needs_cluster` false: Temporal alone will do.
    """
    kubeconfig = kubeconfig if where.kubeconfig is None else where.kubeconfig
    if kubeconfig is not None and not kubeconfig.is_file():
        raise CliError(f"no usable kubeconfig: {kubeconfig}: no such file")
    named = kubeconfig or os.environ.get("KUBECONFIG")
    if named:
        running = sandbox_of(Path(named))
        if running is not None:
            found = _in_sandbox(running)
            return Place({**found, "context": _context(found["kubeconfig"], None, where.context)})
        return Place({"kubeconfig": kubeconfig, "context": _context(kubeconfig, context, where.context)})
    # A context is one of the usual kubeconfig: the sandbox has none that anybody would name.
    running = running_sandbox(STATE_DIR) if where.context is None else None
    if running is not None:
        return Place(_in_sandbox(running), f"using the sandbox of `airunway up` in {STATE_DIR}")
    usual = USUAL_KUBECONFIG.expanduser().is_file() or os.path.exists(SERVICE_ACCOUNT_TOKEN)
    if needs_cluster and not usual:
        raise CliError(
            "no cluster is named: give --kubeconfig, set KUBECONFIG, or start a sandbox with `airunway up`"
        )
    return Place({"context": _context(None, context, where.context)})


def namespace_at(kubeconfig: Path | None, context: str | None, given: str | None) -> str:
    """The namespace that a command is about: the one that was given, else that of the context, `default`.

    `given` None or empty: none was. Raises CliError for a kubeconfig that cannot be read.
    """
    if given:
        return given
    if kubeconfig is None and os.path.exists(SERVICE_ACCOUNT_TOKEN):
        found = Path(SERVICE_ACCOUNT_TOKEN).with_name("namespace")
        return (found.read_text().strip() if found.is_file() else "") or DEFAULT_NAMESPACE
    return read_contexts(kubeconfig).namespace_of(context) or DEFAULT_NAMESPACE


def _context(kubeconfig: Path | None, context: str | None, given: str | None) -> str | None:
    """The context that was asked for; of several kubeconfigs the one that `kubectl` would take."""
    if given is None and os.pathsep not in os.environ.get("KUBECONFIG", ""):
        return context
    if given is None and (context or kubeconfig):
        return context
    known = read_contexts(kubeconfig)
    if given is not None and given not in known.namespaces:
        there = ", ".join(sorted(known.namespaces)) or "none"
        raise CliError(f"the kubeconfig has no context {given!r}; there are: {there}")
    return given or known.current or None


def _in_sandbox(running: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"kubeconfig": Path(running["kubeconfig"]), "context": None}
    if os.environ.get("AIRUNWAY_TEMPORAL_ADDRESS"):
        return found
    address, ui = running["temporal_address"], running["temporal_ui"]
    if running["own_temporal"]:
        return {**found, **own_server_settings(address, ui)}
    return {**found, "temporal_address": address, "temporal_ui": ui}


def sandbox_of(kubeconfig: Path) -> dict[str, Any] | None:
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
