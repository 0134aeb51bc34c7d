"""What somebody keeps changing is put right a few times; then there is a standstill that names them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airunway.api.conditions import find_condition
from airunway.messages.deployment import AppliedObject
from airunway.messages.deployment_state import FIELDS_CONTESTED, MAX_REPAIRS, DeploymentState
from airunway.messages.upstream import PlannedWrite, Rival, WriteAction
from airunway.workflows.model_deployment.contention import (
    FIRST_DELAY,
    MAX_DELAY,
    OBJECTS,
    QUIET,
    RIVAL_LOOK,
    STATUS,
    adopt_rivals,
    end_contests,
    next_look,
    note_repairs,
    only_repairs,
    repair_is_due,
    repairs_of,
    rewrite_is_due,
)
from airunway.workflows.model_deployment.pacing import Pacing

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DRIFT = ["Deployment chat was changed"]
REPAIRED = "Deployment chat: spec.replicas by kube-controller-manager"
RIVAL = Rival(words="the old controller still runs", alive_until=NOW + timedelta(minutes=3))


def contested(at: datetime = NOW, of: str = OBJECTS) -> DeploymentState:
    state = DeploymentState()
    for _ in range(MAX_REPAIRS):
        note_repairs(state, REPAIRED, now=at, of=of)
    return state


def shown(state: DeploymentState) -> str:
    found = find_condition(state.conditions, FIELDS_CONTESTED)
    return found.message or "" if found else ""


def planned(action: WriteAction, *, is_repair: bool) -> PlannedWrite:
    return PlannedWrite(
        action=action, api_version="apps/v1", kind="Deployment", name="chat", is_repair=is_repair, why="w"
    )


@pytest.mark.parametrize("action", ["created", "configured", "unchanged", "recreated", "adopted"])
def test_what_we_change_ourselves_is_no_repair(action: str) -> None:
    done = AppliedObject(api_version="v1", kind="Service", plural="services", name="chat", action=action)

    assert repairs_of([done], [planned(WriteAction.APPLY, is_repair=True)]) == ""


def test_a_repair_is_told_with_fields_and_managers() -> None:
    done = AppliedObject(
        api_version="apps/v1",
        kind="Deployment",
        plural="deployments",
        name="chat",
        action="repaired",
        changed=["spec.replicas"],
        changed_by=["kube-controller-manager"],
    )

    assert repairs_of([done], []) == REPAIRED


def test_to_make_anew_what_somebody_changed_is_a_repair() -> None:
    assert repairs_of([], [planned(WriteAction.DELETE, is_repair=True)]) == "Deployment chat: w"
    assert repairs_of([], [planned(WriteAction.DELETE, is_repair=False)]) == ""


def test_a_few_changes_are_repaired_at_once_and_without_a_word() -> None:
    state = DeploymentState()

    for _ in range(MAX_REPAIRS - 1):
        assert note_repairs(state, REPAIRED, now=NOW) == []
        assert repair_is_due(state, DRIFT, now=NOW)

    assert find_condition(state.conditions, FIELDS_CONTESTED) is None


def test_a_contest_is_told_once_with_field_and_manager() -> None:
    state = DeploymentState()

    told = [event for _ in range(5) for event in note_repairs(state, REPAIRED, now=NOW)]

    assert [(event.reason, event.warning) for event in told] == [("FieldsContested", True)]
    assert REPAIRED in told[0].message
    assert REPAIRED in shown(state)


def test_a_repair_waits_twice_as_long_each_time_up_to_an_hour() -> None:
    state, now, waits = contested(), NOW, []
    for _ in range(8):
        assert not repair_is_due(state, DRIFT, now=now)
        delay = next_look(state, Pacing(), is_followed=True, now=now)
        assert delay is not None
        waits.append(delay)
        now += delay
        assert repair_is_due(state, DRIFT, now=now)
        note_repairs(state, REPAIRED, now=now)

    assert waits[:3] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]
    assert waits[-1] == MAX_DELAY


def test_a_contest_is_over_when_nothing_was_changed_for_as_long_as_a_repair_waits() -> None:
    state = contested()
    early, late = NOW + FIRST_DELAY / 2, NOW + FIRST_DELAY

    repair_is_due(state, [], now=early)
    assert shown(state)
    repair_is_due(state, [], now=late)

    assert not shown(state)
    assert state.contentions == {}


def test_changes_with_long_pauses_between_are_no_contest() -> None:
    state, now = DeploymentState(), NOW

    for _ in range(MAX_REPAIRS * 3):
        assert note_repairs(state, REPAIRED, now=now) == []
        now += QUIET + timedelta(seconds=1)


def test_a_standstill_leaves_repairs_only() -> None:
    repair, made = (planned(WriteAction.APPLY, is_repair=answer) for answer in (True, False))

    assert only_repairs(contested(), [repair], now=NOW)
    assert not only_repairs(contested(), [repair, made], now=NOW)  # a spec that changed, or what is gone
    assert not only_repairs(contested(), [], now=NOW)
    assert not only_repairs(DeploymentState(), [repair], now=NOW)
    assert not only_repairs(contested(), [repair], now=NOW + FIRST_DELAY)


def test_while_the_rival_runs_nothing_is_tried_and_when_it_ended_it_goes_on_at_once() -> None:
    state, later = contested(), NOW + 2 * MAX_DELAY
    alive = RIVAL.model_copy(update={"alive_until": later + timedelta(minutes=1)})

    told = adopt_rivals(state, [RIVAL], now=NOW)

    assert [RIVAL.words in event.message for event in told] == [True]
    assert adopt_rivals(state, [alive], now=later) == []  # said already
    assert not repair_is_due(state, DRIFT, now=later)
    assert next_look(state, Pacing(), is_followed=True, now=later) == RIVAL_LOOK
    assert RIVAL.words in shown(state)

    adopt_rivals(state, [RIVAL], now=later)

    assert repair_is_due(state, DRIFT, now=later)
    assert not shown(state)


def test_a_signs_of_life_of_long_ago_is_none() -> None:
    state = contested()

    assert adopt_rivals(state, [RIVAL], now=RIVAL.alive_until + timedelta(seconds=1)) == []

    assert not state.contentions[OBJECTS].rival


def test_the_status_is_counted_by_itself_and_written_again_when_its_standstill_ends() -> None:
    state = contested(of=STATUS)

    assert repair_is_due(state, DRIFT, now=NOW)  # of the objects
    assert not rewrite_is_due(state, asked=True, now=NOW)
    assert rewrite_is_due(state, asked=False, now=NOW + FIRST_DELAY)  # it was asked for meanwhile
    note_repairs(state, REPAIRED, now=NOW + FIRST_DELAY, of=STATUS)

    assert not rewrite_is_due(state, asked=False, now=NOW + 3 * FIRST_DELAY)
    assert state.contentions == {}
    assert not shown(state)


def test_a_status_that_a_rival_wrote_is_written_again_when_that_ended() -> None:
    state = contested(of=STATUS)
    adopt_rivals(state, [RIVAL], now=NOW)
    rewrite_is_due(state, asked=True, now=NOW)

    adopt_rivals(state, [], now=NOW + timedelta(minutes=4))

    assert rewrite_is_due(state, asked=False, now=NOW + timedelta(minutes=4))


def test_a_person_ends_it() -> None:
    state = contested()

    end_contests(state)

    assert repair_is_due(state, DRIFT, now=NOW)
    assert not shown(state)


def test_nothing_is_waited_for_where_nothing_is_followed() -> None:
    assert next_look(contested(), Pacing(), is_followed=False, now=NOW) is None
