"""That pods were seen stays in the status, whatever else is known of what serves."""

from __future__ import annotations

from datetime import UTC, datetime

from airunway.messages.decision import Observation
from airunway.messages.deployment_state import DeploymentState
from airunway.workflows.model_deployment.status_updates import start_over
from airunway.workflows.model_deployment.status_writer import status_to_write

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_it_is_kept_while_replicas_are_not_counted_and_found_again_by_the_next_run() -> None:
    state = DeploymentState(uid="u", pods_seen=True)

    written = status_to_write(state)

    assert written.replicas is None
    assert written.pods_observed is True
    start_over(state, Observation(found=True, uid="u", status=written), now=NOW)
    assert state.pods_seen
