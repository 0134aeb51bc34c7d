"""A line for machines says whose it is: namespace, name, cluster, workflow, run and trace."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from temporalio.testing import ActivityEnvironment

from airunway.workers.log_context import about_workflow
from airunway.workers.logs import close_logging, configure_logging
from airunway.workers.settings import Settings


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "log"
    handlers = logging.getLogger().handlers[:]
    configure_logging(Settings(log_format="json"), file=file)
    yield file
    close_logging()
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_lines_of_an_activity_say_whose_it_is(log: Path) -> None:
    async def step() -> None:
        structlog.get_logger("ours").info("applied", objects=2)
        logging.getLogger("library").warning("slow")

    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info,
        workflow_id="modeldeployment/here/ml/chat",
        workflow_run_id="run-1",
        activity_type="apply_upstream",
    )
    tracer = TracerProvider().get_tracer("test")

    with tracer.start_as_current_span("RunActivity:apply_upstream") as span:
        await environment.run(step)

    about = {
        "workflow_id": "modeldeployment/here/ml/chat",
        "run_id": "run-1",
        "cluster": "here",
        "namespace": "ml",
        "name": "chat",
        "activity": "apply_upstream",
        "trace_id": f"{span.get_span_context().trace_id:032x}",
    }
    assert [line["event"] for line in lines(log)] == ["applied", "slow"]
    assert [{key: line.get(key) for key in about} for line in lines(log)] == [about, about]


def test_lines_of_a_deployment_have_namespace_and_name_apart(log: Path) -> None:
    structlog.contextvars.bind_contextvars(cluster="here")

    structlog.get_logger("ours").warning("a workflow cannot progress", deployment="ml/chat", name="kept")

    (line,) = lines(log)
    assert (line["cluster"], line["namespace"], line["name"]) == ("here", "ml", "kept")
    assert "trace_id" not in line and "workflow_id" not in line


def test_only_a_deployments_workflow_has_a_namespace() -> None:
    assert about_workflow("provider/here/kaito", "r") == {
        "workflow_id": "provider/here/kaito",
        "run_id": "r",
        "cluster": "here",
    }
    assert about_workflow("somebody-elses", "") == {"workflow_id": "somebody-elses"}
