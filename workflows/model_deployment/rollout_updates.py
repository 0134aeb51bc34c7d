"""How answers of the provider's steps change a deployment's state: objects, readiness, failures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel

from airunway.api import server_warnings
from airunway.api.conditions import condition, find_condition, remove_condition
from airunway.api.conditions import set_condition as set_in
from airunway.api.core_types import ConditionStatus
from airunway.api.status import Phase, ProviderStatus, UnifiedStatus
from airunway.messages.deployment import AppliedObject, PodFinding, StepFailure
from airunway.messages.deployment_state import (
    PODS_READY,
    WAITING_FOR_PODS,
    DeploymentState,
    StandingFailure,
)
from airunway.messages.upstream import RenderAnswer
from airunway.workflows.model_deployment.status_updates import (
    STEP_FAILED,
    counted,
    set_all,
    set_condition,
)

MAX_STAGE_OBJECTS = 20
FIELDS_HONOURED = "FieldsHonoured"
"""Condition that says whether everything that was given has its effect."""


class Rollout(BaseModel):
    """What it takes to judge a roll-out. `deadline`: in seconds."""

    configs_digest: str
    deadline: float
    now: datetime


def adopt_render(state: DeploymentState, answer: RenderAnswer, rollout: Rollout) -> None:
    """Take over what rendering found, but for the state of the objects; see `adopt_objects`."""
    now = rollout.now
    unhealthy = find_condition(state.conditions, "ProviderHealthy")
    if unhealthy is not None and unhealthy.reason == STEP_FAILED:
        set_condition(state, "ProviderHealthy", "True", "ProviderReady", now=now)
    set_all(state, answer.conditions, now=now)
    for kind in answer.cleared:
        remove_condition(state.conditions, kind)
    if answer.image is not None:
        state.status.image = answer.image
    if answer.pinned_images is not None:
        state.pinned_images = answer.pinned_images
    state.replica_selector = answer.replica_selector or state.replica_selector
    state.pod_label = answer.pod_label or state.pod_label
    state.follows = state.follows if answer.follows is None else answer.follows
    adopt_ignored_fields(state, answer.ignored_fields, now=now)
    if answer.failure is not None:
        adopt_failure(state, answer.failure, rollout)


def adopt_objects(
    state: DeploymentState,
    objects: list[AppliedObject],
    status: UnifiedStatus | None,
    rollout: Rollout,
    *,
    replacing: str = "",
    waiting: str = "",
    findings: Sequence[PodFinding] = (),
) -> None:
    """Take over the upstream objects as they were left, and what they say.

    `replacing`: why the main one was deleted; `waiting`: what must be ready before it can be written.
    """
    if objects:
        state.applied = _without_changes(objects)
    if not state.is_step_failed:
        state.looks_elsewhere, state.trouble = 0, ""
    if replacing:
        _show_rollout(state, f"replacing the upstream object: {replacing}", rollout.now)
        return
    if waiting and not state.applied:
        state.status.phase, state.status.message = Phase.PENDING, waiting
        return
    if state.applied:
        words = _created(state.applied)
        set_condition(state, "ResourceCreated", "True", "ResourceCreated", words, now=rollout.now)
    if status is not None:
        _adopt_status(state, status, findings[0] if findings else None, rollout)


def follows_what_ran(state: DeploymentState, failure: StepFailure | None) -> bool:
    """Whether a final failure, which other objects cause, leaves something that ran before and goes on."""
    outside = failure is not None and failure.final and (failure.by_policy or failure.elsewhere)
    return outside and bool(state.applied)


def adopt_partly_applied(state: DeploymentState, objects: list[AppliedObject]) -> None:
    """Take over what was written before a write failed."""
    if objects:
        state.applied = _without_changes(objects)


def adopt_followers(state: DeploymentState, followed: list[AppliedObject] | None) -> None:
    """Take over what follows the main object, as it was left; None: nobody came to that."""
    if followed is None:
        return
    told = {(entry.uid, entry.digest): entry.warnings for entry in state.followed}
    state.followed = [
        entry.model_copy(update={"warnings": entry.warnings or told.get((entry.uid, entry.digest), [])})
        for entry in _without_changes(followed)
    ]


def adopt_stage_warnings(state: DeploymentState, warnings: Mapping[str, list[str]]) -> None:
    """Take over what the API server warned of when objects of stages were created."""
    known = {**state.stage_warnings, **warnings}
    state.stage_warnings = dict([entry for entry in known.items() if entry[1]][-MAX_STAGE_OBJECTS:])


def _without_changes(objects: list[AppliedObject]) -> list[AppliedObject]:
    """Objects as they are remembered: which fields were changed is in the history and the journal."""
    return [entry.model_copy(update={"changed": []}) for entry in objects]


def adopt_serving(
    state: DeploymentState, upstream: UnifiedStatus, *, findings: Sequence[PodFinding] = (), now: datetime
) -> None:
    """Take over what still serves, or does not any more, although it is of an older generation.

    What is ready of it stays said of that generation.
    """
    _adopt_counts(state, upstream)
    serves = upstream.phase is Phase.RUNNING
    words = _said(upstream, findings[0] if findings else None)
    state.trouble = words or ("" if serves else "what ran before is not ready")
    ready = find_condition(state.conditions, "Ready")
    if ready is None or (state.failure is not None and ready.reason == state.failure.reason):
        return
    reason = "DeploymentReady" if serves else "DeploymentInProgress"
    said = condition("Ready", "True" if serves else "False", reason, words or PODS_READY)
    set_in(state.conditions, said, now=now, generation=ready.observed_generation or 0)


def adopt_ignored_fields(state: DeploymentState, ignored: list[str] | None, *, now: datetime) -> None:
    """Say what of the spec has no effect: the provider has no use for it, or the API server dropped it.

    `ignored`: None when nobody asked the provider. What else the server warned of is told there too: it is
    about what was applied, but no field is missing for it.
    """
    if ignored is None:
        return
    written = [(f"{entry.kind} {entry.name}", entry.warnings) for entry in (*state.applied, *state.followed)]
    dropped, warned = server_warnings.in_words(
        (name, text) for name, told in (*written, *state.stage_warnings.items()) for text in told
    )
    by_provider = f"provider {state.provider} cannot honour: {', '.join(ignored)}" if ignored else ""
    words = "; ".join(text for text in (by_provider, dropped, warned) if text)
    if by_provider or dropped:
        reason = "FieldsDropped" if dropped else "FieldsIgnored"
        set_condition(state, FIELDS_HONOURED, "False", reason, words, now=now)
    elif warned or find_condition(state.conditions, FIELDS_HONOURED):
        set_condition(state, FIELDS_HONOURED, "True", "AllFieldsHonoured", words, now=now)


def _adopt_counts(state: DeploymentState, upstream: UnifiedStatus) -> None:
    status = state.status
    state.pods_seen = upstream.pods_seen  # which heeds that they were seen before
    status.replicas = counted(upstream.replicas) if upstream.replicas is not None else None
    status.endpoint = upstream.endpoint


def _adopt_status(
    state: DeploymentState, upstream: UnifiedStatus, cause: PodFinding | None, rollout: Rollout
) -> None:
    status, now = state.status, rollout.now
    configs_digest, deadline = rollout.configs_digest, rollout.deadline
    main_object = {"resource_name": upstream.resource_name, "resource_kind": upstream.resource_kind}
    status.provider = (status.provider or ProviderStatus()).model_copy(
        update={key: value or None for key, value in main_object.items()}
    )
    _adopt_counts(state, upstream)
    if upstream.phase is Phase.RUNNING:
        status.phase, status.message = Phase.RUNNING, upstream.message or PODS_READY
        state.failure, state.rollout_since, state.diagnoses = None, None, 0
        set_condition(state, "Ready", "True", "DeploymentReady", status.message, now=now)
        return
    if upstream.phase is Phase.FAILED:
        words = _said(upstream, cause) or "the upstream object reports a failure"
        _fail_rollout(state, words, configs_digest, now, by_upstream=True)
        return
    if state.failure is not None and state.failure.by_upstream:
        state.failure, state.rollout_since, state.diagnoses = None, now, 0
    if state.rollout_since is None:
        state.rollout_since = now
    overdue = (now - state.rollout_since).total_seconds() >= deadline
    if cause is not None and (cause.final or overdue):
        _fail_rollout(state, _said(upstream, cause), configs_digest, now)
    elif overdue and (state.failure is None or state.failure.by_deadline):
        words = f"not ready after {deadline:.0f} s: {upstream.message or 'no pod says why'}"
        _fail_rollout(state, words, configs_digest, now, by_deadline=True)
    elif state.failure is None:
        _show_rollout(state, _said(upstream, cause) or WAITING_FOR_PODS, now)


def _said(upstream: UnifiedStatus, cause: PodFinding | None) -> str:
    """What pods say first, and what the upstream object says of itself; neither hides the other."""
    if cause is None:
        return upstream.message
    words = f"{cause.reason}: {cause.message}"
    return f"{words}; {upstream.message}" if upstream.message and upstream.message not in words else words


def _show_rollout(state: DeploymentState, message: str, now: datetime) -> None:
    if state.rollout_since is None:
        state.rollout_since = now
    state.status.phase, state.status.message = Phase.DEPLOYING, message
    set_condition(state, "Ready", "False", "DeploymentInProgress", message, now=now)


def _created(objects: list[AppliedObject]) -> str:
    return ", ".join(f"{entry.kind} {entry.name}" for entry in objects)


# -- failures ---------------------------------------------------------------------------------------------


def adopt_failure(state: DeploymentState, failure: StepFailure, rollout: Rollout) -> None:
    """Take over why a step cannot be done."""
    set_all(state, failure.conditions, now=rollout.now)
    status = state.status
    status.message = failure.message
    unready = any(
        entry.type == "Ready" and entry.status is ConditionStatus.FALSE for entry in failure.conditions
    )
    if status.phase is Phase.RUNNING and unready:
        status.phase = Phase.DEPLOYING  # what ran is not there any more, e.g. with its kind
    if failure.final:
        status.phase = Phase.FAILED
        state.failure = StandingFailure(
            generation=state.generation,
            configs_digest=rollout.configs_digest,
            reason=failure.reason,
            message=failure.message,
            by_policy=failure.by_policy,
            elsewhere=failure.elsewhere,
        )
        state.looks_elsewhere += failure.elsewhere
    elif status.phase is Phase.FAILED and state.failure is None:
        # What failed is over: this one ends by itself.
        status.phase = Phase.DEPLOYING if state.applied else Phase.PENDING


def _fail_rollout(
    state: DeploymentState,
    message: str,
    configs_digest: str,
    now: datetime,
    *,
    by_upstream: bool = False,
    by_deadline: bool = False,
) -> None:
    state.status.phase, state.status.message = Phase.FAILED, message
    set_condition(state, "Ready", "False", "DeploymentFailed", message, now=now)
    state.failure = StandingFailure(
        generation=state.generation,
        configs_digest=configs_digest,
        reason="DeploymentFailed",
        message=message,
        rollout=True,
        by_upstream=by_upstream,
        by_deadline=by_deadline,
    )
