"""One trace from a change that a watch brought to the writes that it led to. Needs the `otel` extra.

The SDK's interceptor has all that a workflow does in the trace of its start. A deployment's workflow lives
for years; so here what it does belongs to the trace of the change that it last heard of, whose context comes
with the signal. Changes that came together are one reconcile: it belongs to the last of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.contrib.opentelemetry._context import attached_context
from temporalio.worker import HandleSignalInput, WorkflowInterceptorClassInput

from airunway.clients.spans import SPANS


class ChangeTracing(TracingInterceptor):
    """The SDK's interceptor, for workflows as above."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[TracingWorkflowInboundInterceptor]:
        """The one for workflows; the SDK's prepares what it needs."""
        super().workflow_interceptor_class(input)
        return _InTheTraceOfTheLastChange


class _InTheTraceOfTheLastChange(TracingWorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        """From now on the workflow is in the trace of who signals; a signal without one changes nothing."""
        if header := input.headers.get(self.header_key):
            self._workflow_context_carrier = self.payload_converter.from_payloads([header])[0]
        await super().handle_signal(input)

    def _completed_span(self, span_name: str, **options: Any) -> None:
        if options.get("new_span_even_on_replay"):  # a query's, which has a trace of its own
            return super()._completed_span(span_name, **options)
        with self._attached():
            super()._completed_span(span_name, **options)

    def _context_to_headers(self, headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
        with self._attached():
            return super()._context_to_headers(headers)

    def _attached(self) -> Any:
        """The context of the last change, for what its reconcile does."""
        carrier = self._load_workflow_context_carrier()
        if carrier is None:
            return attached_context(None)
        return attached_context(self._set_on_context(self.text_map_propagator.extract(carrier)))


def change_tracing(tracer: trace.Tracer) -> ChangeTracing:
    """The interceptor over a tracer, which everything else of this process traces with as well."""
    SPANS.send_to(tracer, is_inside)
    return ChangeTracing(tracer)


def is_inside() -> bool:
    """Whether a span is the current one."""
    return trace.get_current_span().get_span_context().is_valid
