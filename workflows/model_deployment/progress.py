"""`Reconciling` and `Stalled`: how far a deployment is from what is asked for, as tools read it. Pure.

kstatus, on which Flux, Argo CD and others build, knows nothing of phases. It takes an object for finished
when its last generation was observed and neither condition is True; both are there only while they are.
Source: github.com/kubernetes-sigs/cli-utils, pkg/kstatus, README.
"""

from __future__ import annotations

from datetime import datetime

from airunway.api.conditions import find_condition, remove_condition
from airunway.api.core_types import ConditionStatus
from airunway.api.status import Phase
from airunway.messages.deployment_state import DeploymentState
from airunway.workflows.model_deployment.status_updates import set_condition

RECONCILING, STALLED = "Reconciling", "Stalled"
SPEC_REFUSED, PROGRESSING = "SpecRefused", "Progressing"

_OF_THE_SPEC = ("ImageResolved", "EngineSelected", "Validated", "ProviderSelected")
"""Conditions of which one is False when a spec is refused."""


def show_progress(state: DeploymentState, *, now: datetime) -> None:
    """Set the one that holds, and take the other away; neither while what is asked for serves."""
    kind, reason = _progress(state)
    for other in {RECONCILING, STALLED} - {kind}:
        remove_condition(state.conditions, other)
    if kind:
        set_condition(state, kind, "True", reason, state.shown_message, now=now)


def _progress(state: DeploymentState) -> tuple[str, str]:
    """Condition and reason; empty: what is asked for serves."""
    phase = state.status.phase
    if phase is Phase.TERMINATING:
        return RECONCILING, Phase.TERMINATING.value
    # A first deployment that only waits for a provider goes on by itself when one comes.
    if state.finding and (state.applied or phase is Phase.FAILED):
        return STALLED, _refusal(state)
    if state.failure is not None:
        return STALLED, state.failure.reason
    if state.externally_managed or _serves_what_is_asked(state):
        return "", ""
    return RECONCILING, _unready(state)


def _serves_what_is_asked(state: DeploymentState) -> bool:
    """Ready speaks of a generation: what serves may be of the one before."""
    ready = find_condition(state.conditions, "Ready")
    return (
        state.status.phase is Phase.RUNNING
        and ready is not None
        and ready.status is ConditionStatus.TRUE
        and ready.observed_generation == state.generation
    )


def _refusal(state: DeploymentState) -> str:
    found = (find_condition(state.conditions, kind) for kind in _OF_THE_SPEC)
    false = (entry.reason for entry in found if entry and entry.status is ConditionStatus.FALSE)
    return next(false, SPEC_REFUSED)


def _unready(state: DeploymentState) -> str:
    ready = find_condition(state.conditions, "Ready")
    if ready is None or ready.status is not ConditionStatus.FALSE:
        return PROGRESSING
    return ready.reason
