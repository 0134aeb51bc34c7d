"""Names on the wire."""

from __future__ import annotations

from airunway.api.names import (
    cluster_of,
    core_task_queue,
    deployment_workflow_id,
    installation_workflow_id,
    model_image_workflow_id,
    provider_task_queue,
)


def test_the_workflow_of_a_deployment_carries_its_cluster_and_name() -> None:
    assert deployment_workflow_id("eu", "ml", "chat") == "modeldeployment/eu/ml/chat"


def test_names_that_are_too_long_for_temporal_keep_workflows_of_their_own() -> None:
    namespace, name = "n" * 63, "a" * 252

    first, second = (deployment_workflow_id("eu", namespace, name + end) for end in "xy")

    assert len(first) == len(second) == 255
    assert first != second
    assert first.startswith(f"modeldeployment/eu/{namespace}/aaa")


def test_the_workflow_of_an_image_begins_with_its_model() -> None:
    assert (
        model_image_workflow_id("eu", "Qwen/Qwen3-0.6B-GGUF", "0123") == "image/eu/Qwen/Qwen3-0.6B-GGUF/0123"
    )


def test_every_workflow_says_whose_it_is() -> None:
    ids = (
        deployment_workflow_id("eu", "ml", "chat"),
        installation_workflow_id("eu", "kaito"),
        model_image_workflow_id("eu", "o/m", "0123"),
    )

    assert {cluster_of(entry) for entry in ids} == {"eu"}
    assert cluster_of("somebody/elses/workflow") == ""
    assert cluster_of("image") == ""


def test_the_queues_of_two_clusters_are_never_one() -> None:
    # A cluster may be called like a part of another one's queue; the dot keeps them apart.
    assert provider_task_queue("a", "b") != core_task_queue("a-provider-b")
    assert provider_task_queue("a", "b") == "airunway.a.provider.b"
