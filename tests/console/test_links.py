"""Addresses in Temporal's UI."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from temporalio.envconfig import ClientConfigProfile

from airunway.console.links import filter_link, filter_links, workflow_link
from airunway.console.queries import deployments_query, literal
from airunway.workers.temporal.target import TemporalTarget

TARGET = TemporalTarget(
    address="t:7233", namespace="team a", ui="http://ui:8233", profile=ClientConfigProfile()
)


def test_a_workflow_is_named_whole() -> None:
    link = workflow_link(TARGET, "modeldeployment/here/ml/chat")

    assert link == "http://ui:8233/namespaces/team%20a/workflows/modeldeployment%2Fhere%2Fml%2Fchat"


def test_a_filter_arrives_as_it_was_written() -> None:
    query = deployments_query(cluster="here", phase="Failed", provider="kaito")

    parts = urlsplit(filter_link(TARGET, query))

    assert parts.path == "/namespaces/team%20a/workflows"
    assert parse_qs(parts.query)["query"] == [
        "WorkflowType = 'ModelDeploymentWorkflow' AND ExecutionStatus = 'Running' "
        "AND AirunwayCluster = 'here' AND AirunwayPhase = 'Failed' AND AirunwayProvider = 'kaito'"
    ]


def test_each_thing_that_is_looked_for_has_a_link() -> None:
    labels = [label for label, _ in filter_links(TARGET, "here", providers=["kaito", "vllm"])]

    assert labels == ["this cluster", "failed", "building", "on kaito", "on vllm"]


@pytest.mark.parametrize(("text", "want"), [("a", "'a'"), ("o'neil", r"'o\'neil'"), ("a\\", r"'a\\'")])
def test_a_text_cannot_leave_its_quotes(text: str, want: str) -> None:
    assert literal(text) == want
