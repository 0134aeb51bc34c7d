"""What is worth a line in `kubectl describe`: changed conditions, actions on upstream objects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airunway.api.adoption import ADOPTED
from airunway.api.conditions import find_condition
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.gateway_reasons import GATEWAY_READY, ON_THE_WAY
from airunway.messages.deployment import AppliedObject, EventSpec
from airunway.messages.deployment_state import IMAGE_BUILDING, MODEL_IMAGE_READY

_WORTH_SAYING_WHEN_TRUE = {
    "ProviderSelected",
    "ResourceCreated",
    "Ready",
    MODEL_IMAGE_READY,
    ADOPTED,
    GATEWAY_READY,
}
_GOOD_WHEN_FALSE = {"UnsupportedImage"}
_UNREMARKABLE_REASONS = {
    "DeploymentInProgress",
    "ExplicitSelection",
    "Installing",
    IMAGE_BUILDING,
    *ON_THE_WAY,
}
_ACTIONS = {"configured": "ResourceUpdated", "repaired": "DriftRepaired", "recreated": "ResourceRecreated"}


def events_between(before: Sequence[Condition], after: Iterable[Condition]) -> list[EventSpec]:
    """Events for conditions whose status or reason changed in a way that a person should see."""
    events = []
    for now in after:
        was = find_condition(before, now.type)
        if was is not None and (was.status, was.reason) == (now.status, now.reason):
            continue
        if now.reason in _UNREMARKABLE_REASONS:
            continue
        if now.status is ConditionStatus.FALSE and now.type not in _GOOD_WHEN_FALSE:
            events.append(EventSpec(reason=now.reason, message=now.message or now.type, warning=True))
        elif now.status is ConditionStatus.TRUE and now.type in _WORTH_SAYING_WHEN_TRUE:
            reason = now.type if now.type != "Ready" else now.reason
            events.append(EventSpec(reason=reason, message=now.message or now.type))
    # One cause may turn several conditions False; it gets one Event.
    return list({(event.reason, event.message): event for event in events}.values())


def events_of_actions(objects: Iterable[AppliedObject]) -> list[EventSpec]:
    """Events for what was done to upstream objects beyond creating them."""
    return [
        EventSpec(reason=_ACTIONS[entry.action], message=f"{entry.kind} {entry.name} {entry.action}")
        for entry in objects
        if entry.action in _ACTIONS
    ]
