"""How answers of activities change a deployment's state, and with it its status. Pure.

The workflow owns the whole `status` of its ModelDeployment and changes it in place.
Source: core.md §9, crds.md §3 and §6.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from airunway.api.adoption import taking_over
from airunway.api.conditions import (
    Verdict,
    condition,
    find_condition,
    remove_condition,
)
from airunway.api.conditions import set_condition as set_in
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Decision, Outcome
from airunway.api.model_image import ModelImageRef
from airunway.api.names import PAUSED
from airunway.api.status import (
    NOT_OBSERVED,
    DeploymentStatus,
    EngineStatus,
    Phase,
    ProviderStatus,
    ReplicaStatus,
    ServingImageStatus,
)
from airunway.messages.commands import Asked
from airunway.messages.decision import Observation
from airunway.messages.deployment import ProviderView
from airunway.messages.deployment_state import FIELDS_CONTESTED, DeploymentState, ModelImageState

STEP_FAILED = "StepFailed"
MAX_CONDITION_MESSAGE = 32768
"""The CRD's limit, in characters."""

_OF_UPSTREAM = {"ResourceCreated", "Ready"}


# -- conditions -------------------------------------------------------------------------------------------


def set_reported(state: DeploymentState, reported: Condition, *, now: datetime) -> None:
    """Put a reported condition into the status."""
    complete = reported.model_copy(update={"message": reported.message[:MAX_CONDITION_MESSAGE]})
    generation = _generation_of(state, reported.type)
    set_in(state.conditions, complete, now=now, generation=generation)


def set_condition(
    state: DeploymentState, kind: str, status: Verdict, reason: str, message: str = "", *, now: datetime
) -> None:
    """Set a condition by its words."""
    set_reported(state, condition(kind, status, reason, message), now=now)


def _generation_of(state: DeploymentState, kind: str) -> int:
    """The generation a condition is about: what serves is not of a generation that was refused."""
    return state.accepted if kind in _OF_UPSTREAM and state.accepted else state.generation


def set_all(state: DeploymentState, reported: Iterable[Condition], *, now: datetime) -> None:
    """Put reported conditions into the status."""
    for entry in reported:
        set_reported(state, entry, now=now)


# -- what was observed ------------------------------------------------------------------------------------


def start_over(state: DeploymentState, seen: Observation, *, now: datetime) -> None:
    """Begin with another object, from the status it has already (another controller's, or none).

    The journal goes on. A pause by command outlives a lost run in the status, and is found there again.
    """
    status = seen.status
    fresh = DeploymentState(uid=seen.uid, journal=state.journal)
    # Not its own, but for its namespace: what the one before was given is looked for once more.
    fresh.gateway.granted, fresh.gateway.touched = state.gateway.granted, bool(state.gateway.granted)
    if not state.uid:  # what was asked before it was seen for the first time
        fresh.paused_by, fresh.events_due = state.paused_by, state.events_due
    for name in DeploymentState.model_fields:
        setattr(state, name, getattr(fresh, name))
    if status is None:
        return
    observed = status.observed_generation
    state.status = status.model_copy(
        update={"observed_generation": None if observed == NOT_OBSERVED else observed}
    )
    state.status.conditions = [_complete(entry) for entry in status.conditions or []]
    state.journal_phase = str(status.phase or "")
    state.pods_seen = status.pods_observed is True
    paused = find_condition(state.conditions, PAUSED)
    if paused is not None and paused.status is ConditionStatus.TRUE:
        state.paused_by = Asked(reason=paused.message)
    if status.replicas is not None:
        state.status.replicas = counted(status.replicas)
    if seen.status_of_others:
        set_reported(state, taking_over(), now=now)


def _complete(entry: Condition) -> Condition:
    given = {"message": entry.message, "last_transition_time": entry.last_transition_time}
    return entry.model_copy(update={**given, "observed_generation": entry.observed_generation or 0})


def counted(replicas: ReplicaStatus) -> ReplicaStatus:
    """With a number for each count that was not given."""
    return ReplicaStatus(
        desired=replicas.desired or 0, ready=replicas.ready or 0, available=replicas.available or 0
    )


def adopt_decision(state: DeploymentState, decision: Decision, *, generation: int, now: datetime) -> None:
    """Take over what validation and selection said."""
    if generation != state.generation:
        state.rollout_since, state.diagnoses, state.failed_attempts = None, 0, 0
        state.contentions = {}
        remove_condition(state.conditions, FIELDS_CONTESTED)
        state.looks_elsewhere = 0
    status = state.status
    status.observed_generation = generation
    refused = decision.outcome is not Outcome.OK
    if not refused:
        _leave_failure_behind(state, generation)
    state.finding = decision.message or decision.finding if refused else ""
    state.accepted = state.accepted if refused else generation
    for kind in decision.remove_conditions:
        remove_condition(state.conditions, kind)
    set_all(state, decision.conditions, now=now)
    _adopt_selection(status, decision)
    if decision.image is not None:
        status.image = ServingImageStatus(requested=decision.image.requested, message=decision.image.message)
    elif decision.clear_image:
        status.image = None
    if decision.message is not None:
        status.message = decision.message
    # After the hand-over a finding is shown in condition and message only: what runs goes on running
    # (core.md §20, weak spot 2).
    if decision.phase is not None and not (decision.phase is Phase.FAILED and state.applied):
        status.phase = decision.phase
    status.phase = status.phase or Phase.PENDING


def _leave_failure_behind(state: DeploymentState, generation: int) -> None:
    """What failed is of an earlier generation: of this one nobody knows yet, whether or not it can begin."""
    if state.failure is None or state.failure.generation == generation:
        return
    state.failure = None
    if state.status.phase is Phase.FAILED:
        state.status.phase = Phase.DEPLOYING if state.applied else Phase.PENDING


def _adopt_selection(status: DeploymentStatus, decision: Decision) -> None:
    engine, provider = decision.engine, decision.provider
    status.engine = None
    if engine is not None:
        status.engine = EngineStatus(type=engine.type, selected_reason=engine.reason or None)
    # The main object stays known while no provider is selected: what was applied goes on serving.
    known = status.provider or ProviderStatus()
    status.provider = known.model_copy(
        update={
            "name": provider.name if provider else None,
            "selected_reason": (provider.reason if provider else None) or None,
        }
    )


def adopt_manager(
    state: DeploymentState, provider: ProviderView, *, phase_of_others: str, now: datetime
) -> None:
    """Who acts on it: this system, or a provider controller outside, whose objects are taken over then.

    `phase_of_others`: what such a one says; it is shown in lists, and not written.
    """
    if provider.externally_managed and phase_of_others in set(Phase):
        state.status.phase = Phase(phase_of_others)
    if state.externally_managed and not provider.externally_managed:
        set_reported(state, taking_over(), now=now)
    state.externally_managed = provider.externally_managed


def show_pause(state: DeploymentState, *, now: datetime) -> None:
    """The condition while a command holds the deployment; none else."""
    asked = state.paused_by
    if asked is None:
        remove_condition(state.conditions, PAUSED)
        return
    words = (
        f"paused by {asked.by}" + (f": {asked.reason}" if asked.reason else "") if asked.by else asked.reason
    )
    set_condition(state, PAUSED, "True", "PausedByCommand", words, now=now)


def adopt_provider_health(state: DeploymentState, provider: ProviderView, *, now: datetime) -> None:
    """Show a provider that cannot be used now, without touching what already serves."""
    if provider.ready:
        unhealthy = find_condition(state.conditions, "ProviderHealthy")
        if unhealthy is not None and unhealthy.reason != STEP_FAILED:
            set_condition(state, "ProviderHealthy", "True", "ProviderReady", now=now)
        return
    reason, message = provider.reason or "ProviderNotReady", provider.message
    set_condition(state, "ProviderHealthy", "False", reason, message, now=now)
    if not state.applied:
        set_condition(state, "Ready", "False", reason, message, now=now)
        state.status.message = message


# -- failures ------------------------------------------------------------------------------------------------


def adopt_step_error(state: DeploymentState, words: str, *, now: datetime) -> None:
    """A step could not be done for now: say so, and leave what serves as it is."""
    set_condition(state, "ProviderHealthy", "False", STEP_FAILED, words, now=now)
    if state.status.phase is not Phase.RUNNING:
        state.status.message = words


def failure_stands(state: DeploymentState, *, configs_digest: str) -> bool:
    """Whether nothing has changed since the final failure that could end it; else it is forgotten.

    One that stands is what there is to say, not that the spec was accepted.
    """
    failure = state.failure
    if failure is None:
        return False
    same = failure.generation == state.generation and failure.configs_digest == configs_digest
    if same and not (failure.by_policy or failure.elsewhere):
        state.status.message = failure.message
    else:
        state.failure = None
    return state.failure is not None


def forget_failure(state: DeploymentState) -> None:
    """Try again as if for the first time (command `retry`)."""
    state.failure, state.rollout_since, state.diagnoses, state.failed_attempts = None, None, 0, 0
    state.looks_elsewhere = 0


def serving_image_status(image: ModelImageState, built: ModelImageRef) -> ServingImageStatus:
    """`status.image` of an image that is ready."""
    repository, _, digest = built.reference.partition("@")
    return ServingImageStatus(
        requested=built.tagged,
        resolved=built.reference,
        repository=repository,
        tag=built.tagged.rpartition(":")[2],
        digest=digest,
        source="custom",
        message=f"built of {image.spec.repository}" + (f"@{image.plan.commit[:12]}" if image.plan else ""),
    )
