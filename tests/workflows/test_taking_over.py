"""A deployment that another control plane acted on, or a provider controller outside acts on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError

from airunway.api.adoption import recorded_adoption
from airunway.api.status import Phase
from airunway.messages.deployment import ProviderView
from airunway.messages.deployment_state import DeploymentState
from airunway.workflows.model_deployment.status_updates import adopt_manager
from airunway.workflows.model_deployment.status_writer import status_to_write
from tests.workflows.world import World

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

THEIRS = {
    "phase": "Running",
    "provider": {"name": "acme"},
    "conditions": [
        {"type": "ResourceCreated", "status": "True", "reason": "ResourceCreated", "observedGeneration": 1}
    ],
}


@pytest.mark.world(status_of_others=True, status_before=THEIRS, upstream_phase=Phase.RUNNING)
async def test_the_selection_is_written_before_the_providers_step(world: World) -> None:
    await world.start()
    await world.until(lambda: bool(world.applied))

    assert world.calls.index("write_status") < world.calls.index("render")
    assert world.statuses[0]["provider"]["name"] == "acme"
    assert world.rendered[0].adoption == 0


async def test_what_the_spec_names_is_written_with_what_came_of_it(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    assert world.calls.index("apply_upstream") < world.calls.index("write_status")
    assert world.rendered[0].adoption is None


@pytest.mark.world(choice_is_free=True)
async def test_what_was_selected_is_written_before_anything_is_made(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    assert world.calls.index("write_status") < world.calls.index("apply_upstream")
    assert world.statuses[0]["provider"]["name"] == "acme"


@pytest.mark.world(choice_is_free=True, written_by_others=2)
async def test_what_was_written_meanwhile_is_looked_at_before_anything_is_made(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    first = world.calls.index("apply_upstream")
    assert world.calls[:first].count("evaluate_provider_rules") == 3
    assert [entry["provider"]["name"] for entry in world.statuses[:1]] == ["acme"]


@pytest.mark.world(choice_is_free=True)
async def test_a_worker_that_dies_in_between_leaves_a_choice_that_stands(world: World) -> None:
    world.errors["apply_upstream"] = [ApplicationError("worker died", type="Lost")]

    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    first = world.calls.index("apply_upstream")
    assert world.calls[:first].count("write_status") == 1
    assert world.calls[first : first + 2] == ["apply_upstream"] * 2
    assert {entry["provider"]["name"] for entry in world.statuses} == {"acme"}


async def test_what_objects_were_made_by_is_told_to_who_decides(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)

    await world.edit()
    await world.until(lambda: len(world.recorded) == 2)

    assert world.recorded[0] is None
    told = world.recorded[1]
    assert told is not None
    assert (told.provider, told.reason, told.is_made) == ("acme", "matched capabilities", True)


EXTERNAL = ProviderView(name="acme", registered=True, ready=True)
OURS = EXTERNAL.model_copy(update={"task_queue": "q"})


def test_what_a_provider_controller_outside_says_is_followed_and_not_written() -> None:
    state = DeploymentState()

    adopt_manager(state, EXTERNAL, phase_of_others="Running", now=NOW)

    assert state.status.phase is Phase.RUNNING
    assert status_to_write(state).phase is None
    adopt_manager(state, EXTERNAL, phase_of_others="Dancing", now=NOW)
    assert state.status.phase is Phase.RUNNING


def test_what_it_made_is_taken_over_when_this_system_acts_instead() -> None:
    state = DeploymentState(externally_managed=True)

    adopt_manager(state, OURS, phase_of_others="Running", now=NOW)

    assert recorded_adoption(state.conditions) == 0
    assert not state.externally_managed
