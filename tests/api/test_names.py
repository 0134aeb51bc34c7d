"""Names on the wire."""

from __future__ import annotations

from airunway.api.names import deployment_workflow_id


def test_the_workflow_of_a_deployment_carries_its_name() -> None:
    assert deployment_workflow_id("ml", "chat") == "modeldeployment/ml/chat"


def test_names_that_are_too_long_for_temporal_keep_workflows_of_their_own() -> None:
    namespace, name = "n" * 63, "a" * 252

    first, second = (deployment_workflow_id(namespace, name + end) for end in "xy")

    assert len(first) == len(second) == 255
    assert first != second
    assert first.startswith(f"modeldeployment/{namespace}/aaa")
