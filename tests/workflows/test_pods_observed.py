"""That pods were seen stays in the status, whatever else is known of what serves."""

from __future__ import annotations

from airunway.messages.deployment_state import DeploymentState
from airunway.workflows.model_deployment.status_updates import start_over
from airunway.workflows.model_deployment.status_writer import status_to_write


def test_it_is_kept_while_replicas_are_not_counted_and_found_again_by_the_next_run() -> None:
    state = DeploymentState(uid="u", pods_seen=True)

    written = status_to_write(state)

    assert written.replicas is None
    assert written.pods_observed is True
    start_over(state, uid="u", status=written)
    assert state.pods_seen
