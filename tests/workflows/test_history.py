"""The history of a deployment is its audit log, and its journal outlives the history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from airunway.api.status import Phase
from airunway.messages.deployment import PodFinding
from tests.workflows.world import World

SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
TASK_STARTED = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
TIMER_STARTED = EventType.EVENT_TYPE_TIMER_STARTED
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def events(world: World) -> list[Any]:
    return list((await world.handle.fetch_history()).events)


def summary(event: Any) -> str:
    return str(event.user_metadata.summary.data.decode()).strip('"')


def step_of(event: Any) -> str:
    return str(event.activity_task_scheduled_event_attributes.activity_type.name)


async def test_one_workflow_task_leads_from_the_signal_to_the_apply(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)

    story = await events(world)

    applied = next(number for number, event in enumerate(story) if event.event_type == SCHEDULED)
    assert step_of(story[applied]) == "apply_upstream"
    assert [event.event_type for event in story[:applied]].count(TASK_STARTED) == 1
    assert world.calls[:5] == [
        "validate",
        "select_engine",
        "evaluate_provider_rules",
        "render",
        "apply_upstream",
    ]


async def test_summaries_say_what_is_wanted(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.edit()
    await world.until(lambda: world.upstream_generation == 2)
    await world.until(lambda: world.status["observedGeneration"] == 2)

    said = [summary(event) for event in await events(world) if event.event_type == SCHEDULED]

    name = world.ref.name
    running = "status: Running on acme, 1/1 ready"
    assert said == [f"create Server {name}", running, f"apply Server {name}", running]


async def test_the_timer_of_a_rollout_says_how_it_stands(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()

    timers = [summary(event) for event in await events(world) if event.event_type == TIMER_STARTED]

    assert timers == ["Deploying on acme, 0/1 ready; looks at pods again"]


async def test_what_came_while_applying_is_read_before_the_status_is_written(world: World) -> None:
    world.hold("apply_upstream")
    await world.start()
    await world.until(lambda: "apply_upstream" in world.at_gate)
    await world.nudge("Server changed", upstream_only=True)
    world.hold("read_readiness")
    world.release("apply_upstream")  # which answers what was true then: Deploying
    await world.until(lambda: "read_readiness" in world.at_gate)
    world.upstream_phase = Phase.RUNNING
    world.release("read_readiness")

    await world.until_phase(Phase.RUNNING)

    assert [status["phase"] for status in world.statuses] == ["Running"]


async def test_only_an_upstream_change_is_read_and_nothing_else(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()
    before = len(world.calls)

    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)

    assert world.calls[before:] == ["read_readiness", "write_status"]


async def test_an_object_that_was_taken_away_is_made_again(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()

    world.upstream_there = False
    await world.nudge("Server x was deleted", upstream_only=True)

    await world.until(lambda: len(world.applied) == 2)
    await world.quiet()
    name = world.ref.name
    assert ("DriftFound", f"Server {name} is not as it was left") in await world.journal()


async def test_what_somebody_undoes_at_once_is_not_fought_over_without_a_pause(world: World) -> None:
    world.undone = True
    world.hold("apply_upstream")
    await world.start()
    await world.until(lambda: "apply_upstream" in world.at_gate)
    await world.nudge("Server changed", upstream_only=True)
    world.release("apply_upstream")

    view = await world.quiet()

    assert view.next_reconcile_at is not None
    assert (len(world.applied), len(world.reads)) == (1, 1)
    world.undone = False
    await world.skip(timedelta(seconds=20))
    await world.until(lambda: len(world.rendered) == 2)


@pytest.mark.world(warnings=["spec.model.id is not pinned"], rule="has(spec.gpu)")
async def test_the_journal_tells_the_life_and_outlives_runs_and_objects(world: World) -> None:
    world.limits.history_events = 40
    world.findings = [PodFinding(reason="CrashLoopBackOff", message="exit code 1", final=True)]
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.skip(timedelta(seconds=15))
    await world.until_phase(Phase.FAILED)
    first = (await world.handle.describe()).run_id
    world.findings, world.upstream_phase = [], Phase.RUNNING
    await world.edit()
    await world.until_phase(Phase.RUNNING)
    for number in range(8):
        await world.nudge(f"look {number}")
        await world.quiet()
    assert (await world.handle.describe()).run_id != first
    await world.recreate("uid-2")
    await world.until(lambda: world.applied[-1].rendered_from.uid == "uid-2")
    await world.quiet()

    told = await world.journal()

    name = world.ref.name
    assert told[:8] == [
        ("GenerationSeen", "generation 1"),
        ("EngineSelected", "vllm"),
        ("ProviderSelected", "acme"),
        ("Warning", "spec.model.id is not pinned"),
        ("Applied", f"Server {name} created"),
        ("PhaseChanged", "new → Deploying"),
        ("PhaseChanged", "Deploying → Failed"),
        ("GenerationSeen", "generation 2"),
    ]
    assert ("Applied", f"Server {name} configured: spec.replicas") in told
    assert ("NewObject", "another deployment of the same name: uid uid-2") in told
    assert [what for what, _ in told].count("Applied") == 3, "not one line per unchanged look"


async def test_the_journal_names_who_edited_each_generation(world: World) -> None:
    world.edited_by = "kubectl-create at 2026-05-01T12:00:00Z"
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    world.edited_by = "kubectl-edit\x1b at 2026-05-01T13:00:00Z"
    await world.edit()
    await world.until(lambda: world.upstream_generation == 2)
    await world.quiet()

    told = await world.journal()

    assert [message for what, message in told if what == "GenerationSeen"] == [
        "generation 1, made by kubectl-create at 2026-05-01T12:00:00Z",
        "generation 2, edited by kubectl-edit\N{REPLACEMENT CHARACTER} at 2026-05-01T13:00:00Z",
    ]
