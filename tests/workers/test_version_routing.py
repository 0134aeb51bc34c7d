"""How the routing of a worker deployment is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState as State
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentResponse

from airunway.workers.version_routing import PROPAGATION_PATIENCE, Routing, read_routing

CHANGED = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def _read(state: State.ValueType, **changed: datetime) -> Routing:
    config = RoutingConfig()
    for field, time in changed.items():
        getattr(config, field).FromDatetime(time)
    info = WorkerDeploymentInfo(routing_config=config, routing_config_update_state=state)

    async def describe(request: object) -> DescribeWorkerDeploymentResponse:
        return DescribeWorkerDeploymentResponse(worker_deployment_info=info)

    service = SimpleNamespace(describe_worker_deployment=describe)
    client: Any = SimpleNamespace(namespace="default", workflow_service=service)
    routing = await read_routing(client, "airunway-here")
    assert routing is not None
    return routing


async def test_a_change_that_is_told_to_the_queues_is_waited_for() -> None:
    routing = await _read(State.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS, current_version_changed_time=CHANGED)

    assert not routing.is_settled(CHANGED + PROPAGATION_PATIENCE - SECOND)


async def test_a_change_that_is_in_progress_for_ever_holds_nothing_up_for_ever() -> None:
    routing = await _read(State.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS, current_version_changed_time=CHANGED)

    assert routing.is_settled(CHANGED + PROPAGATION_PATIENCE)


@pytest.mark.parametrize("later", ["ramping_version_changed_time", "ramping_version_percentage_changed_time"])
async def test_the_last_of_all_changes_counts(later: str) -> None:
    changes = {"current_version_changed_time": CHANGED - timedelta(days=1), later: CHANGED}
    routing = await _read(State.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS, **changes)

    assert routing.changed == CHANGED
    assert not routing.is_settled(CHANGED + SECOND)


@pytest.mark.parametrize(
    "state",
    [State.ROUTING_CONFIG_UPDATE_STATE_COMPLETED, State.ROUTING_CONFIG_UPDATE_STATE_UNSPECIFIED],
)
async def test_what_is_completed_or_not_said_by_an_older_server_is_settled_at_once(
    state: State.ValueType,
) -> None:
    routing = await _read(state, current_version_changed_time=CHANGED)

    assert routing.is_settled(CHANGED)
