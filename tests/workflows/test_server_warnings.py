"""What the API server warns of is said in the status: as fields that have no effect where it dropped some."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airunway.api.conditions import find_condition
from airunway.api.status import Phase
from airunway.messages.deployment import AppliedObject
from airunway.messages.deployment_state import DeploymentState
from airunway.workflows.model_deployment.rollout_updates import (
    FIELDS_HONOURED,
    adopt_followers,
    adopt_ignored_fields,
    adopt_stage_warnings,
)
from tests.workflows.world import World

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

DROPPED = 'unknown field "spec.replicaz"'
DEPRECATED = "acme.dev/v1 Server is deprecated; use acme.dev/v2 Server"


def honoured(world: World) -> dict[str, Any] | None:
    found = [entry for entry in world.status["conditions"] if entry["type"] == "FieldsHonoured"]
    return found[0] if found else None


async def running(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)


async def test_a_field_that_the_server_dropped_was_not_honoured(world: World) -> None:
    world.server_warnings = [DROPPED]

    await running(world)

    said = honoured(world)
    assert said is not None
    assert (said["status"], said["reason"]) == ("False", "FieldsDropped")
    assert f"spec.replicaz of Server {world.ref.name}" in said["message"]
    assert ("FieldsDropped", said["message"]) in world.events


async def test_it_is_said_for_as_long_as_it_is_so(world: World) -> None:
    world.server_warnings = [DROPPED]
    await running(world)

    await world.nudge()
    await world.skip(timedelta(minutes=10))
    await world.quiet()
    still = honoured(world)
    world.server_warnings = []
    await world.edit()
    await world.until_phase(Phase.RUNNING)
    await world.quiet()
    corrected = honoured(world)

    assert still is not None
    assert still["reason"] == "FieldsDropped"
    assert corrected is not None
    assert (corrected["status"], corrected["reason"]) == ("True", "AllFieldsHonoured")


async def test_what_the_provider_ignores_is_said_beside_it(world: World) -> None:
    world.server_warnings, world.ignored_fields = [DROPPED], ["spec.tolerations"]

    await running(world)

    said = honoured(world)
    assert said is not None
    assert said["status"] == "False"
    assert "spec.tolerations" in said["message"]
    assert "spec.replicaz" in said["message"]


@pytest.mark.parametrize("ignored", [[], ["spec.tolerations"]], ids=["alone", "beside an ignored field"])
async def test_a_deprecated_version_drops_nothing(world: World, ignored: list[str]) -> None:
    world.server_warnings, world.ignored_fields = [DEPRECATED], ignored

    await running(world)

    said = honoured(world)
    assert said is not None
    assert (said["status"], said["reason"]) == (
        ("False", "FieldsIgnored") if ignored else ("True", "AllFieldsHonoured")
    )
    assert DEPRECATED in said["message"]


async def test_each_warning_is_in_the_journal_once(world: World) -> None:
    world.server_warnings = [DROPPED, DEPRECATED]
    await running(world)
    await world.edit()
    await world.until_phase(Phase.RUNNING)

    view = await world.quiet()

    server = f"Server {world.ref.name}"
    entries = [entry for entry in view.state.journal.entries if entry.what == "Warning"]
    assert [entry.message for entry in entries] == [f"{server}: {DROPPED}", f"{server}: {DEPRECATED}"]


async def test_without_a_warning_nothing_is_said(world: World) -> None:
    await running(world)

    assert honoured(world) is None


def test_what_follows_the_main_object_and_what_stages_make_is_warned_of_too() -> None:
    state = DeploymentState(uid="u")
    cluster = AppliedObject(
        api_version="ray.io/v1", kind="RayCluster", plural="rayclusters", name="c", uid="1", digest="d"
    )
    adopt_followers(state, [cluster.model_copy(update={"warnings": ['unknown field "spec.a"']})])
    adopt_stage_warnings(state, {"Job load": ['unknown field "spec.b"'], "PersistentVolumeClaim w": []})

    adopt_followers(state, [cluster])  # as it is read later
    adopt_ignored_fields(state, [], now=NOW)

    found = find_condition(state.conditions, FIELDS_HONOURED)
    assert found is not None
    assert (found.status, found.reason) == ("False", "FieldsDropped")
    assert "spec.a of RayCluster c" in (found.message or "")
    assert "spec.b of Job load" in (found.message or "")

    adopt_stage_warnings(state, {"Job load": []})  # made again, as it should be
    adopt_followers(state, [cluster.model_copy(update={"digest": "other"})])
    adopt_ignored_fields(state, [], now=NOW)
    found = find_condition(state.conditions, FIELDS_HONOURED)
    assert found is not None and found.status == "True"
