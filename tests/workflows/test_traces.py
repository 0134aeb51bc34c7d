"""What a change leads to is one trace, from the watcher to the writes; a replay makes no spans."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.api.common.v1 import Header, Payload, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from airunway.api.status import Phase
from airunway.clients.spans import SPANS
from airunway.messages.deployment_workflow import OBJECT_CHANGED, ChangeHint
from airunway.workers.signal_queue import WorkflowSender
from airunway.workers.temporal.converter import data_converter
from airunway.workers.temporal.tracing import ChangeTracing, change_tracing
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from tests.workflows.conftest import test_server as server_binary
from tests.workflows.world import World


class Traced:
    """The spans of this test."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.interceptor: ChangeTracing = change_tracing(provider.get_tracer("test"))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def trace_of_change(self, cause: str) -> set[str]:
        """Names of the spans in the trace that begins with this change."""
        (root,) = (span for span in self.spans if (span.attributes or {}).get("airunway.cause") == cause)
        assert root.parent is None and root.context is not None
        trace = root.context.trace_id
        return {span.name for span in self.spans if span.context and span.context.trace_id == trace}

    def parents(self) -> dict[str, set[str]]:
        """Name of each span to the names of its parents."""
        by_id = {span.context.span_id: span.name for span in self.spans if span.context}
        found: dict[str, set[str]] = {}
        for span in self.spans:
            found.setdefault(span.name, set()).add(by_id.get(span.parent.span_id, "?") if span.parent else "")
        return found


@pytest.fixture
def traced() -> Iterator[Traced]:
    yield Traced()
    SPANS.send_to(None)


@pytest_asyncio.fixture
async def env(traced: Traced) -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=server_binary(),
        data_converter=data_converter(),
        interceptors=[traced.interceptor],
    ) as running:
        yield running


async def seen(world: World, cause: str) -> None:
    """As the watcher tells it."""
    send = WorkflowSender(world.env.client, known=frozenset, model_of=lambda _: "m")
    hint = ChangeHint(cause=cause, uid=world.uid, generation=world.generation)
    await send(world.ref, hint)
    world.handle = world.env.client.get_workflow_handle(world.ref.workflow_id)


async def test_a_deployment_is_one_trace_from_the_watch_to_the_status(world: World, traced: Traced) -> None:
    await seen(world, "deployment seen")
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()

    steps = {"render", "apply_upstream", "write_status"}
    of_change = traced.trace_of_change("deployment seen")
    assert {
        "SignalWithStartWorkflow:ModelDeploymentWorkflow",
        "RunWorkflow:ModelDeploymentWorkflow",
    } <= of_change
    assert {f"StartActivity:{step}" for step in steps} <= of_change
    assert {f"RunActivity:{step}" for step in steps} <= of_change
    parents = traced.parents()
    assert parents["RunActivity:apply_upstream"] == {"StartActivity:apply_upstream"}
    assert parents["SignalWithStartWorkflow:ModelDeploymentWorkflow"] == {"ChangeSeen"}


async def test_a_later_change_is_a_trace_of_its_own(world: World, traced: Traced) -> None:
    await seen(world, "deployment seen")
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()
    first = traced.trace_of_change("deployment seen")

    world.upstream_phase = Phase.RUNNING
    # Plainly: this server leaves out the header of a signal that starts nothing; tests/e2e has the other way.
    with SPANS.span("ChangeSeen", {"airunway.cause": "Server chat changed"}):
        await world.nudge("Server chat changed", upstream_only=True)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()

    assert {"RunActivity:read_readiness", "RunActivity:write_status"} <= traced.trace_of_change(
        "Server chat changed"
    )
    assert traced.trace_of_change("deployment seen") == first


async def test_a_replay_makes_no_span(world: World, traced: Traced) -> None:
    await seen(world, "deployment seen")
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()
    history = await world.handle.fetch_history()
    traced.exporter.clear()
    replayer = Replayer(
        workflows=[ModelDeploymentWorkflow],
        data_converter=data_converter(),
        interceptors=[traced.interceptor],
    )

    await replayer.replay_workflow(history)

    assert traced.spans == ()


@pytest.mark.parametrize(
    "header",
    [
        Payload(metadata={"encoding": b"json/plain"}, data=b"{"),
        Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x00"),
        Payload(metadata={"encoding": b"json/plain"}, data=b'["traceparent"]'),
        Payload(metadata={"encoding": b"json/plain"}, data=b'{"traceparent": {"a": 1}}'),
        Payload(),
    ],
    ids=["no JSON", "of no converter", "a list", "no texts", "empty"],
)
async def test_a_header_that_is_no_context_holds_nothing_up(
    world: World, traced: Traced, header: Payload
) -> None:
    await seen(world, "deployment seen")
    await world.until_phase(Phase.DEPLOYING)
    world.upstream_phase = Phase.RUNNING

    await world.env.client.workflow_service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=world.env.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=world.handle.id),
            signal_name=OBJECT_CHANGED,
            header=Header(fields={traced.interceptor.header_key: header}),
        )
    )

    await world.until_phase(Phase.RUNNING)
    kinds = {event.event_type for event in (await world.handle.fetch_history()).events}
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds
