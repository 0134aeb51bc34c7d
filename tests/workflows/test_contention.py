"""A field that somebody keeps changing is repaired at once a few times, then ever more rarely."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airunway.api.conditions import find_condition
from airunway.messages.deployment import AppliedObject
from airunway.messages.deployment_state import FIELDS_CONTESTED, DeploymentState
from airunway.workflows.model_deployment.contention import (
    FIRST_DELAY,
    MAX_DELAY,
    QUIET,
    REPAIRS_AT_ONCE,
    note_repairs,
    repair_is_due,
)
from airunway.workflows.model_deployment.pacing import Pacing

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DRIFT = ["Deployment chat was changed"]


def repaired(action: str = "repaired") -> list[AppliedObject]:
    return [
        AppliedObject(
            api_version="apps/v1",
            kind="Deployment",
            plural="deployments",
            name="chat",
            action=action,
            changed=["spec.replicas"],
            changed_by=["kube-controller-manager"],
        )
    ]


def contested(at: datetime = NOW) -> DeploymentState:
    state = DeploymentState()
    for _ in range(REPAIRS_AT_ONCE):
        note_repairs(state, repaired(), now=at)
    return state


def test_a_few_changes_are_repaired_at_once_and_without_a_word() -> None:
    state = DeploymentState()

    for _ in range(REPAIRS_AT_ONCE - 1):
        assert note_repairs(state, repaired(), now=NOW) == []
        assert repair_is_due(state, Pacing(), DRIFT, now=NOW)

    assert find_condition(state.conditions, FIELDS_CONTESTED) is None


def test_a_contest_is_told_once_with_field_and_manager() -> None:
    state = DeploymentState()

    told = [event for _ in range(5) for event in note_repairs(state, repaired(), now=NOW)]

    assert [(event.reason, event.warning) for event in told] == [("FieldsContested", True)]
    assert "Deployment chat: spec.replicas by kube-controller-manager" in told[0].message
    shown = find_condition(state.conditions, FIELDS_CONTESTED)
    assert shown is not None and shown.status == "True"


def test_a_repair_waits_twice_as_long_each_time_up_to_an_hour() -> None:
    state, now, waits = contested(), NOW, []
    for _ in range(8):
        pacing = Pacing()
        assert not repair_is_due(state, pacing, DRIFT, now=now)
        assert pacing.delay is not None
        waits.append(pacing.delay)
        now += pacing.delay
        assert repair_is_due(state, Pacing(), DRIFT, now=now)
        note_repairs(state, repaired(), now=now)

    assert waits[:3] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]
    assert waits[-1] == MAX_DELAY


def test_a_contest_is_over_when_nothing_was_changed_for_as_long_as_a_repair_waits() -> None:
    state = contested()
    early, late = NOW + FIRST_DELAY / 2, NOW + FIRST_DELAY

    repair_is_due(state, Pacing(), [], now=early)
    assert find_condition(state.conditions, FIELDS_CONTESTED)
    repair_is_due(state, Pacing(), [], now=late)

    assert find_condition(state.conditions, FIELDS_CONTESTED) is None
    assert state.contention is None


def test_changes_with_long_pauses_between_are_no_contest() -> None:
    state, now = DeploymentState(), NOW

    for _ in range(REPAIRS_AT_ONCE * 3):
        assert note_repairs(state, repaired(), now=now) == []
        now += QUIET + timedelta(seconds=1)


def test_what_we_change_ourselves_is_no_repair() -> None:
    state = DeploymentState()

    for action in ("created", "configured", "unchanged", "recreated"):
        assert note_repairs(state, repaired(action), now=NOW) == []

    assert state.contention is None
