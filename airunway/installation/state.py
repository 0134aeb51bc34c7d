"""How a provider is seen: whether its operator is there, and in which words. Source: install.md §A9.

What could not be read is *unknown*, never *absent*: an installation is not offered on a guess
(install.md, weak spot 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from airunway.api.heartbeat import is_silent, last_heartbeat
from airunway.installation.metadata import Health, ProviderMetadata
from airunway.installation.probes import probes_of

UPSTREAM_READY = "UpstreamReady"
CONTROLLER_MISSING = "UpstreamControllerMissing"
_MISSING_REASONS = {"CRDMissing", CONTROLLER_MISSING}

Json = Mapping[str, Any]


class State(StrEnum):
    """Where a provider stands (install.md §A9.6)."""

    NOT_REGISTERED = "NotRegistered"
    NOT_INSTALLED = "NotInstalled"
    CRD_ONLY = "CRDOnly"
    PARTIAL_CRDS = "PartialCRDs"
    OPERATOR_ONLY = "OperatorOnly"
    INSTALLED = "Installed"
    PROBE_ERROR = "ProbeError"
    SHIM_STALE = "ShimStale"
    OPERATOR_UNHEALTHY = "OperatorUnhealthy"
    READY = "Ready"
    REGISTERED = "Registered"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the probes saw. A CRD that is not in `crds` was not asked for, or could not be read."""

    crds: Mapping[str, bool] = field(default_factory=dict)
    crd_error: str = ""
    ready_pod: str = ""
    """Namespace of a ready operator pod."""
    pod_error: str = ""


@dataclass(frozen=True, kw_only=True)
class InstallationStatus:
    """The answer."""

    state: State
    installed: bool
    crd_found: bool
    operator_running: bool
    ready: bool
    """The provider's worker says that it may receive deployments."""
    message: str
    seen: str = ""
    """What the probes saw, in words; `message` is what the provider's worker says, where it knows better."""
    version: str = ""
    """Of the provider's worker; not of the operator."""
    stale: bool = False


def status_of(
    metadata: ProviderMetadata, config: Json, facts: Facts, *, alive_since: datetime
) -> InstallationStatus:
    """The decision table and the message (install.md §A9.2, §A9.4).

    `alive_since`: a worker whose last heartbeat is older counts as silent.
    """
    health = probes_of(metadata)
    ready = metadata.is_shared or status_ready(config, health)
    crd_found, running, installed = _seen(metadata, health, facts, ready)
    stale = is_silent(_heartbeat(config), since=alive_since)
    state = _state(metadata, health, facts, crd_found, running, installed)
    if state is State.INSTALLED and stale:
        state = State.SHIM_STALE
    elif state is State.INSTALLED and _upstream_condition(config) and not _said_ready(config):
        state = State.OPERATOR_UNHEALTHY
    status = config.get("status") or {}
    seen = _message(metadata, health, facts, crd_found=crd_found, running=running, ready=ready)
    return InstallationStatus(
        state=state,
        installed=installed,
        crd_found=crd_found,
        operator_running=running,
        ready=ready,
        message=_overlay(config, stale) or seen,
        seen=seen,
        version=str(status.get("version") or ""),
        stale=stale,
    )


def _seen(metadata: ProviderMetadata, health: Health, facts: Facts, ready: bool) -> tuple[bool, bool, bool]:
    """CRDs found, operator running, installed."""
    if not metadata.requires_crd:
        return True, ready, ready
    found = all(facts.crds.get(crd.name, False) for crd in health.crds)
    pod = bool(facts.ready_pod)
    if health.crds and health.operator_pods:
        return found, pod, found and pod
    if health.crds:
        return found, found and ready, found and ready
    if health.operator_pods:
        return ready, pod, pod
    return ready, ready, ready


def _state(
    metadata: ProviderMetadata,
    health: Health,
    facts: Facts,
    crd_found: bool,
    running: bool,
    installed: bool,
) -> State:
    if not metadata.requires_crd:
        return State.READY if installed else State.REGISTERED
    if installed:
        return State.INSTALLED
    if (facts.crd_error and not crd_found) or (facts.pod_error and not running):
        return State.PROBE_ERROR
    if crd_found:
        return State.CRD_ONLY
    if running:
        return State.OPERATOR_ONLY
    there = [crd for crd in health.crds if facts.crds.get(crd.name)]
    return State.PARTIAL_CRDS if there else State.NOT_INSTALLED


# -- what the provider's worker says --------------------------------------------------------------------


def status_ready(config: Json, health: Health) -> bool:
    """`statusReady` of install.md §A9.1."""
    status = config.get("status") or {}
    value: Any = status
    for part in health.ready_path.removeprefix("status.").split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is True:
        return True
    said = {entry.get("type"): entry.get("status") for entry in status.get("conditions") or []}
    return bool(health.conditions) and all(
        str(said.get(kind, "")).lower() == "true" for kind in health.conditions
    )


def lacks_only_its_operator(metadata: ProviderMetadata, config: Json, *, alive_since: datetime) -> bool:
    """Whether a registered provider would be ready if its operator were installed.

    Its worker reported lately, is not ready, there are charts to install, and no condition complains of
    anything but an operator that is missing.
    """
    beat = last_heartbeat(_heartbeat(config))
    if not metadata.installable or _said_ready(config) or beat is None or beat < alive_since:
        return False
    complaints = [
        str(entry.get("reason", ""))
        for entry in (config.get("status") or {}).get("conditions") or []
        if entry.get("status") == "False"
    ]
    return all(reason in _MISSING_REASONS for reason in complaints)


def _heartbeat(config: Json) -> object:
    return (config.get("status") or {}).get("lastHeartbeat")


def _said_ready(config: Json) -> bool:
    return (config.get("status") or {}).get("ready") is True


def _upstream_condition(config: Json) -> Json | None:
    conditions = (config.get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry.get("type") == UPSTREAM_READY), None)


# -- words (install.md §A9.4) ---------------------------------------------------------------------------


def _overlay(config: Json, stale: bool) -> str:
    if stale:
        return f"the provider is not reporting (last heartbeat {_heartbeat(config)}); check its worker"
    condition = _upstream_condition(config)
    if condition is not None and not _said_ready(config):
        return str(condition.get("message") or "")
    return ""


def _message(
    metadata: ProviderMetadata, health: Health, facts: Facts, *, crd_found: bool, running: bool, ready: bool
) -> str:
    if not metadata.requires_crd:
        return "ready; needs no operator" if ready else "registered, but not ready"
    missing = [crd.display_name or crd.name for crd in health.crds if not facts.crds.get(crd.name)]
    if missing and facts.crd_error:
        return f"CRDs could not be looked at: {facts.crd_error}"
    if missing:
        return f"not found: {', '.join(missing)}"
    if not health.operator_pods:
        if not health.crds and not ready:
            return "registered, but not ready"
        if metadata.is_shared:
            return "CRDs found"
        return f"CRDs found; the provider is {'ready' if ready else 'not ready'}"
    what = "CRDs found" if health.crds else "no CRDs to look for"
    if running:
        return f"{what}; operator pods are ready in {facts.ready_pod}"
    if facts.pod_error:
        return f"{what}, but pods could not be looked at: {facts.pod_error}"
    spaces = ", ".join(dict.fromkeys(probe.namespace for probe in health.operator_pods if probe.namespace))
    return f"{what}, but no operator pod is ready in {spaces or 'any namespace with the labels'}"
