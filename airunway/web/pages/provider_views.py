"""Providers as their pages show them: what they can, when they are chosen, how they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airunway.api.heartbeat import is_silent
from airunway.console.provider_metadata import metadata_of
from airunway.console.rows import age
from airunway.installation.metadata import ManualStep
from airunway.messages.installation import Operation, PreflightAnswer
from airunway.messages.installation_workflow import InstallationOutcome, InstallationStage, InstallationView
from airunway.web.pages.deployment_view import ShownButton
from airunway.web.pages.lenient import condition_in, conditions_in, count_of, map_of

Object = Mapping[str, Any]
NO_OPERATOR = "it needs no operator"
NOT_INSTALLED = "its operator is not installed, or does not run: install it"
NO_CHART = "its package names no chart to install its operator from; see the steps by hand"


@dataclass(frozen=True)
class ShownEngine:
    """What a provider can with an engine."""

    name: str
    modes: str
    on: str
    formats: str


@dataclass(frozen=True)
class ShownRule:
    """When a provider is chosen."""

    priority: int
    condition: str


@dataclass(frozen=True)
class ShownProvider:
    """A provider. `health`: good, bad or open."""

    id: str
    name: str
    description: str
    documentation: str
    is_ready: bool
    health: str
    message: str
    heartbeat: str
    is_silent: bool
    worker: str
    has_operator: bool
    is_installable: bool
    engines: list[ShownEngine]
    rules: list[ShownRule]
    steps: list[ManualStep]
    warnings: list[str]
    used_by: int

    @property
    def users(self) -> str:
        """Of it, counted."""
        return "1 deployment" if self.used_by == 1 else f"{self.used_by} deployments"


def shown_provider(config: Object, *, used_by: int, alive_since: datetime) -> ShownProvider:
    """`used_by`: deployments that the caller may see; `alive_since`: a worker silent for longer is away."""
    metadata, spec, status = (
        metadata_of(dict(config)),
        map_of(config.get("spec")),
        map_of(config.get("status")),
    )
    silent = is_silent(status.get("lastHeartbeat"), since=alive_since)
    ready = bool(status.get("ready")) and not silent
    return ShownProvider(
        id=metadata.id,
        name=metadata.name,
        description=metadata.description,
        documentation=metadata.documentation_url if metadata.documentation_url.startswith("https://") else "",
        is_ready=ready,
        health="good" if ready else ("bad" if silent or status else "open"),
        message=_message(config, silent=silent, ready=ready),
        heartbeat=age(status.get("lastHeartbeat")),
        is_silent=silent,
        worker=str(status.get("version") or ""),
        has_operator=metadata.requires_crd,
        is_installable=metadata.installable,
        engines=[_engine(entry) for entry in map_of(spec.get("capabilities")).get("engines") or ()],
        rules=_rules(spec),
        steps=list(metadata.steps),
        warnings=list(metadata.warnings),
        used_by=used_by,
    )


def operations(
    provider: ShownProvider,
    *,
    is_installed: bool | None,
    is_allowed: bool,
    right: str,
    is_working: bool,
    obstacle: str = "",
) -> list[ShownButton]:
    """What may be asked for, and why not. `right`: the one that it takes, in words.

    `is_installed`: whether its operator is there; None: that could not be read. `obstacle`: why nobody would
    do it.
    """
    why = ""
    if not provider.has_operator:
        why = NO_OPERATOR
    elif not provider.is_installable:
        why = NO_CHART
    elif not is_allowed:
        why = f"you may not {right}"
    elif is_working:
        why = "something is being done to it already"
    elif obstacle:
        why = obstacle
    used = f"used by {provider.users}: delete what uses it first" if provider.used_by else ""
    absent = "" if is_installed is not False else NOT_INSTALLED
    return [
        ShownButton(Operation.INSTALL.value, "Install", why),
        ShownButton(Operation.UPGRADE.value, "Upgrade", why or absent),
        ShownButton(Operation.UNINSTALL.value, "Uninstall", why or used),
    ]


def is_working(view: InstallationView | None) -> bool:
    """Whether an installation is under way."""
    return view is not None and view.stage in (InstallationStage.RUNNING, InstallationStage.CANCELLING)


def last_outcome(view: InstallationView | None) -> InstallationOutcome | None:
    """How the latest request ended; None while one is under way or there was none."""
    if view is None or is_working(view):
        return None
    ended = [outcome for outcome in view.outcomes.values() if outcome.ended is not None]
    newest = max(ended, key=lambda outcome: outcome.ended or datetime.min, default=None)
    return newest or view.last_install


def refused_because(plan: PreflightAnswer, operation: Operation) -> str:
    """Why an operation would be refused; empty: it would not."""
    if operation is Operation.UNINSTALL and plan.used:
        return f"ModelDeployments use it: {', '.join(plan.used)}; delete them first"
    return ""


def _message(config: Object, *, silent: bool, ready: bool) -> str:
    if silent:
        return "its worker has not been heard of for long: is it running?"
    said = str(condition_in(config, "UpstreamReady").get("message") or "")
    if said:
        return said
    bad = next((entry for entry in conditions_in(config) if entry.get("status") == "False"), {})
    return str(bad.get("message") or ("ready" if ready else "its worker has not said anything yet"))


def _engine(entry: Any) -> ShownEngine:
    given = {"name": entry} if isinstance(entry, str) else map_of(entry)
    hardware = [word for key, word in (("gpuSupport", "GPU"), ("cpuSupport", "CPU")) if given.get(key)]
    return ShownEngine(
        name=str(given.get("name") or ""),
        modes=", ".join(map(str, given.get("servingModes") or ())) or "-",
        on=", ".join(hardware) or "-",
        formats=", ".join(map(str, given.get("apiFormats") or ())) or "openai-chat",
    )


def _rules(spec: Mapping[str, Any]) -> list[ShownRule]:
    rules = [map_of(entry) for entry in spec.get("selectionRules") or ()]
    shown = [ShownRule(count_of(rule.get("priority")), str(rule.get("condition") or "")) for rule in rules]
    return sorted(shown, key=lambda rule: -rule.priority)
