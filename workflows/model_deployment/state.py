"""The state of a deployment's workflow, and how answers of activities change it. Pure.

The workflow owns the whole `status` of its ModelDeployment, so the status is a function of this state:
`status()` gives what is written. Source: core.md §9, crds.md §3 and §6.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from airunway.api.core_types import Condition
from airunway.api.decision import Decision, Outcome
from airunway.api.status import EndpointStatus, ImageStatus, Phase, ReplicaStatus
from airunway.messages.deployment import AppliedObject, EventSpec, ProviderView, UpstreamAnswer
from airunway.workflows.model_deployment.image_state import BUILDING, CONDITION, ModelImage

WAITING_FOR_PODS = "upstream object created, waiting for pods to become ready"
STEP_FAILED = "StepFailed"
PODS_READY = "all pods are ready"

# Conditions whose change is worth an Event, by what a person would look for in `kubectl describe`.
_GOOD_NEWS = {"ProviderSelected", "ResourceCreated", "Ready", CONDITION}
_GOOD_WHEN_FALSE = {"UnsupportedImage"}
_OF_UPSTREAM = {"ResourceCreated", "Ready"}
_NOT_NEWS = {"DeploymentInProgress", "ExplicitSelection", "Installing", BUILDING}


class ConditionState(BaseModel):
    """A condition as last written."""

    status: str
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


class StandingFailure(BaseModel):
    """A final failure: it stays until the spec, the configs or a retry give a reason to try again."""

    generation: int
    configs_digest: str
    reason: str
    rollout: bool = False
    """The upstream object is there but does not come up; if it does after all, the failure is over."""


class InstallationWait(BaseModel):
    """An installation that this deployment asked for, until its provider is ready."""

    provider: str
    asked_at: datetime | None = None
    """None: to be asked for again at the next look."""
    again: bool = False
    """Then with the wish to try a failed step again."""
    reason: str = ""
    words: str = ""
    """How it stands, as the condition `ProviderInstalled` tells it."""


class DeploymentState(BaseModel):
    """Everything a run hands to the next when it continues as new."""

    uid: str = ""
    generation: int = 0
    phase: Phase | None = None
    message: str = ""
    finding: str = ""
    """Why the spec of this generation is refused, while what was accepted before may go on serving."""
    accepted: int = 0
    """The last generation that was not refused: what upstream objects are made from."""
    engine: str = ""
    engine_reason: str = ""
    provider: str = ""
    provider_reason: str = ""
    resource_name: str = ""
    resource_kind: str = ""
    replicas: ReplicaStatus | None = None
    endpoint: EndpointStatus | None = None
    image: ImageStatus | None = None
    model_image: ModelImage | None = None
    """The image that is built for it; None when the provider wants none."""
    conditions: dict[str, ConditionState] = Field(default_factory=dict)
    applied: list[AppliedObject] = Field(default_factory=list)
    failure: StandingFailure | None = None
    rollout_since: datetime | None = None
    """When the present roll-out began; None while everything is ready."""
    diagnoses: int = 0
    """Looks at pods in this roll-out, for the pauses between them."""
    failed_looks: int = 0
    """Passes in a row that ended without a provider, for the pauses between them."""
    foreign: bool = False
    """A provider controller outside this system acts on it and writes phase, message and readiness."""
    installation: InstallationWait | None = None
    written: dict[str, Any] | None = None
    """The status as last written; equal means nothing to write."""

    # -- conditions --------------------------------------------------------------------------------

    def set_condition(self, update: Condition, *, now: datetime) -> None:
        """Set a condition; its transition time moves only when its status flips."""
        before = self.conditions.get(update.type)
        moved = before is None or before.status != update.status
        self.conditions[update.type] = ConditionState(
            status=str(update.status),
            reason=update.reason,
            message=update.message,
            observed_generation=self._generation_of(update.type),
            last_transition_time=_rfc3339(now) if moved or before is None else before.last_transition_time,
        )

    def _generation_of(self, kind: str) -> int:
        """The generation a condition tells of: what serves is not of a generation that was refused."""
        return self.accepted if kind in _OF_UPSTREAM and self.accepted else self.generation

    def condition(self, kind: str, status: str, reason: str, message: str = "", *, now: datetime) -> None:
        """Set a condition by its words."""
        self.set_condition(
            Condition.model_validate({"type": kind, "status": status, "reason": reason, "message": message}),
            now=now,
        )

    # -- answers -----------------------------------------------------------------------------------

    def start_over(self, *, uid: str, status: dict[str, Any] | None) -> None:
        """Begin with another object, from the status it has already (another controller's, or none)."""
        fresh = DeploymentState(uid=uid)
        for name in type(self).model_fields:
            setattr(self, name, getattr(fresh, name))
        status = status or {}
        self.phase = Phase(status["phase"]) if status.get("phase") in set(Phase) else None
        self.message = status.get("message", "")
        provider, engine = status.get("provider") or {}, status.get("engine") or {}
        # Decided anew before anything is written, unless the deployment is being deleted.
        self.provider, self.provider_reason = provider.get("name", ""), provider.get("selectedReason", "")
        self.generation = status.get("observedGeneration", 0)
        self.resource_name = provider.get("resourceName", "")
        self.resource_kind = provider.get("resourceKind", "")
        self.engine, self.engine_reason = engine.get("type", ""), engine.get("selectedReason", "")
        self.replicas = ReplicaStatus.model_validate(status["replicas"]) if status.get("replicas") else None
        self.endpoint = EndpointStatus.model_validate(status["endpoint"]) if status.get("endpoint") else None
        self.image = ImageStatus.model_validate(status["image"]) if status.get("image") else None
        for entry in status.get("conditions") or []:
            self.conditions[entry["type"]] = ConditionState(
                status=entry["status"],
                reason=entry["reason"],
                message=entry.get("message", ""),
                observed_generation=entry.get("observedGeneration", 0),
                last_transition_time=entry.get("lastTransitionTime", ""),
            )

    def adopt_decision(self, decision: Decision, *, generation: int, now: datetime) -> None:
        """Take over what validation and selection said."""
        if generation != self.generation:
            self.rollout_since, self.diagnoses, self.failed_looks = None, 0, 0
        self.generation = generation
        refused = decision.outcome is not Outcome.OK
        self.finding = decision.message or decision.finding if refused else ""
        self.accepted = self.accepted if refused else generation
        for kind in decision.remove_conditions:
            self.conditions.pop(kind, None)
        for update in decision.conditions:
            self.set_condition(update, now=now)
        self.engine = decision.engine.type if decision.engine else ""
        self.engine_reason = decision.engine.reason if decision.engine else ""
        self.provider = decision.provider.name if decision.provider else ""
        self.provider_reason = decision.provider.reason if decision.provider else ""
        if decision.image is not None:
            self.image = ImageStatus(requested=decision.image.requested, message=decision.image.message)
        elif decision.clear_image:
            self.image = None
        if decision.message is not None:
            self.message = decision.message
        # After the hand-over a finding is shown in condition and message only: what runs goes on running
        # (core.md §20, weak spot 2).
        if decision.phase is not None and not (decision.phase is Phase.FAILED and self.applied):
            self.phase = decision.phase
        self.phase = self.phase or Phase.PENDING

    def adopt_provider_health(self, provider: ProviderView, *, now: datetime) -> None:
        """Show a provider that cannot be used now, without touching what already serves."""
        if provider.ready:
            unhealthy = self.conditions.get("ProviderHealthy")
            if unhealthy is not None and unhealthy.reason != STEP_FAILED:
                self.condition("ProviderHealthy", "True", "ProviderReady", now=now)
            return
        reason, message = provider.reason or "ProviderNotReady", provider.message
        self.condition("ProviderHealthy", "False", reason, message, now=now)
        if not self.applied:
            self.condition("Ready", "False", reason, message, now=now)
            self.message = message

    def adopt_upstream(
        self, answer: UpstreamAnswer, *, configs_digest: str, deadline: float, now: datetime
    ) -> None:
        """Take over what was done to the upstream objects and what they say."""
        unhealthy = self.conditions.get("ProviderHealthy")
        if unhealthy is not None and unhealthy.reason == STEP_FAILED:
            self.condition("ProviderHealthy", "True", "ProviderReady", now=now)
        for update in answer.conditions:
            self.set_condition(update, now=now)
        for kind in answer.cleared:
            self.conditions.pop(kind, None)
        if answer.image is not None:
            self.image = answer.image
        if answer.ignored_fields:
            text = f"provider {self.provider} cannot honour: {', '.join(answer.ignored_fields)}"
            self.condition("FieldsHonoured", "False", "FieldsIgnored", text, now=now)
        elif answer.ignored_fields is not None and "FieldsHonoured" in self.conditions:
            self.condition("FieldsHonoured", "True", "AllFieldsHonoured", now=now)
        if answer.objects:
            self.applied = answer.objects
        if answer.failure is not None:
            self._fail_step(answer, configs_digest, now)
            return
        if answer.replacing:
            self._deploying(f"replacing the upstream object: {answer.replacing}", now)
            return
        if answer.waiting and not self.applied:
            self.phase, self.message = Phase.PENDING, answer.waiting
            return
        if self.applied:
            self.condition("ResourceCreated", "True", "ResourceCreated", _created(self.applied), now=now)
        if answer.status is not None:
            self._adopt_status(answer, configs_digest, deadline, now)

    @property
    def is_step_failed(self) -> bool:
        """Whether this generation could not be applied for good."""
        return self.failure is not None and not self.failure.rollout

    def adopt_reading(self, answer: UpstreamAnswer) -> None:
        """Take over what still serves, although it is of an older generation: it does not count as ready."""
        if answer.status is not None:
            self.replicas, self.endpoint = answer.status.replicas, answer.status.endpoint

    def adopt_step_error(self, words: str, *, now: datetime) -> None:
        """A step could not be done for now: say so, and leave what serves as it is."""
        self.condition("ProviderHealthy", "False", STEP_FAILED, words, now=now)
        if self.phase is not Phase.RUNNING:
            self.message = words

    def _fail_step(self, answer: UpstreamAnswer, configs_digest: str, now: datetime) -> None:
        failure = answer.failure
        assert failure is not None
        for update in failure.conditions:
            self.set_condition(update, now=now)
        self.message = failure.message
        unready = any(entry.type == "Ready" and entry.status == "False" for entry in failure.conditions)
        if self.phase is Phase.RUNNING and unready:
            self.phase = Phase.DEPLOYING  # what ran is not there any more, e.g. with its kind
        if failure.final:
            self.phase = Phase.FAILED
            self.failure = StandingFailure(
                generation=self.generation, configs_digest=configs_digest, reason=failure.reason
            )

    def _adopt_status(
        self, answer: UpstreamAnswer, configs_digest: str, deadline: float, now: datetime
    ) -> None:
        status = answer.status
        assert status is not None
        self.resource_name, self.resource_kind = status.resource_name, status.resource_kind
        self.replicas, self.endpoint = status.replicas, status.endpoint
        if status.phase is Phase.RUNNING:
            self.phase, self.message = Phase.RUNNING, status.message or PODS_READY
            self.failure, self.rollout_since, self.diagnoses = None, None, 0
            self.condition("Ready", "True", "DeploymentReady", self.message, now=now)
            return
        cause = answer.findings[0] if answer.findings else None
        if status.phase is Phase.FAILED:
            words = status.message or (cause.message if cause else "the upstream object reports a failure")
            self._fail_rollout(f"{cause.reason}: {words}" if cause else words, configs_digest, now)
            return
        if self.rollout_since is None:
            self.rollout_since = now
        overdue = (now - self.rollout_since).total_seconds() >= deadline
        if cause is not None and (cause.final or overdue):
            self._fail_rollout(f"{cause.reason}: {cause.message}", configs_digest, now)
        elif overdue:
            words = status.message or "no pod says why"
            self._fail_rollout(f"not ready after {deadline:.0f} s: {words}", configs_digest, now)
        elif self.failure is None:
            waiting = f"{cause.reason}: {cause.message}" if cause else status.message
            self._deploying(waiting or WAITING_FOR_PODS, now)

    def _deploying(self, message: str, now: datetime) -> None:
        if self.rollout_since is None:
            self.rollout_since = now
        self.phase, self.message = Phase.DEPLOYING, message
        self.condition("Ready", "False", "DeploymentInProgress", message, now=now)

    def _fail_rollout(self, message: str, configs_digest: str, now: datetime) -> None:
        self.phase, self.message = Phase.FAILED, message
        self.condition("Ready", "False", "DeploymentFailed", message, now=now)
        self.failure = StandingFailure(
            generation=self.generation, configs_digest=configs_digest, reason="DeploymentFailed", rollout=True
        )

    @property
    def shown_message(self) -> str:
        """What a person needs to know first."""
        return self.finding or self.message

    # -- what follows --------------------------------------------------------------------------------

    def failure_stands(self, *, configs_digest: str) -> bool:
        """Whether nothing has changed since the final failure that could mend it."""
        failure = self.failure
        if failure is None:
            return False
        same = failure.generation == self.generation and failure.configs_digest == configs_digest
        if not same:
            self.failure = None
        return same

    def forget_failure(self) -> None:
        """Try again as if for the first time (signal `retry`)."""
        self.failure, self.rollout_since, self.diagnoses, self.failed_looks = None, None, 0, 0

    def status(self) -> dict[str, Any]:
        """The status to write, complete but for what belongs to a provider controller outside."""
        status: dict[str, Any] = {"observedGeneration": self.generation}
        if not self.foreign:
            status["phase"] = (self.phase or Phase.PENDING).value
        if self.shown_message and not self.foreign:
            status["message"] = self.shown_message
        if self.engine:
            status["engine"] = _without_empty({"type": self.engine, "selectedReason": self.engine_reason})
        if self.provider:
            status["provider"] = _without_empty(
                {
                    "name": self.provider,
                    "selectedReason": self.provider_reason,
                    "resourceName": "" if self.foreign else self.resource_name,
                    "resourceKind": "" if self.foreign else self.resource_kind,
                }
            )
        if self.replicas is not None and not self.foreign:
            status["replicas"] = {
                "desired": self.replicas.desired or 0,
                "ready": self.replicas.ready or 0,
                "available": self.replicas.available or 0,
            }
        if self.endpoint is not None and not self.foreign:
            status["endpoint"] = self.endpoint.dump()
        if self.image is not None:
            status["image"] = self.image.dump()
        core = {
            "Validated",
            "EngineSelected",
            "ProviderSelected",
            "ImageResolved",
            "ProviderHealthy",
            "ProviderInstalled",
        }
        status["conditions"] = [
            {
                "type": kind,
                "status": entry.status,
                "reason": entry.reason,
                "message": entry.message[:32768],
                "lastTransitionTime": entry.last_transition_time,
                "observedGeneration": entry.observed_generation,
            }
            for kind, entry in self.conditions.items()
            if not self.foreign or kind in core
        ]
        return status


def events_between(before: dict[str, ConditionState], after: dict[str, ConditionState]) -> list[EventSpec]:
    """Events for conditions that changed in a way worth a line in `kubectl describe`."""
    events = []
    for kind, now in after.items():
        was = before.get(kind)
        if was is not None and (was.status, was.reason) == (now.status, now.reason):
            continue
        if now.status == "False" and now.reason not in _NOT_NEWS and kind not in _GOOD_WHEN_FALSE:
            events.append(EventSpec(reason=now.reason, message=now.message or kind, warning=True))
        elif now.status == "True" and kind in _GOOD_NEWS and now.reason not in _NOT_NEWS:
            reason = kind if kind != "Ready" else now.reason
            events.append(EventSpec(reason=reason, message=now.message or kind))
    return _distinct(events)


def actions_in(objects: list[AppliedObject]) -> list[EventSpec]:
    """Events for what was done to upstream objects beyond creating them."""
    reasons = {
        "configured": "ResourceUpdated",
        "repaired": "DriftRepaired",
        "recreated": "ResourceRecreated",
    }
    return [
        EventSpec(reason=reasons[entry.action], message=f"{entry.kind} {entry.name} {entry.action}")
        for entry in objects
        if entry.action in reasons
    ]


def _distinct(events: Iterable[EventSpec]) -> list[EventSpec]:
    # One cause may turn several conditions False; it is told once.
    return list({(event.reason, event.message): event for event in events}.values())


def _created(objects: list[AppliedObject]) -> str:
    return ", ".join(f"{entry.kind} {entry.name}" for entry in objects)


def _without_empty(values: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
