"""One trace from a change that a watch brought to the writes that it led to. Needs the `otel` extra.

The SDK's interceptor has all that a workflow does in the trace of its start. A deployment's workflow lives
for years; so here what it does belongs to the trace of the change that it last heard of, whose context comes
with the signal. Changes that came together are one reconcile: it belongs to the last of them.

Anybody may send any header. What is no context is left out, where the SDK would fail the workflow's task, and
again with every attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from opentelemetry import trace
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.contrib.opentelemetry._context import attached_context
from temporalio.worker import (
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    WorkflowInterceptorClassInput,
)

from airunway.clients.spans import SPANS

Input = TypeVar("Input", HandleSignalInput, HandleQueryInput, HandleUpdateInput)


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
        carrier = self._carrier_in(input.headers)
        self._workflow_context_carrier = carrier or self._workflow_context_carrier
        await super().handle_signal(self._readable(input))

    async def handle_query(self, input: HandleQueryInput) -> Any:
        """In a trace of its own, if it comes with one."""
        return await super().handle_query(self._readable(input))

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        """Linked to the trace of who asks."""
        super().handle_update_validator(self._readable(input))

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        """Linked to the trace of who asks."""
        return await super().handle_update_handler(self._readable(input))

    def _readable(self, input: Input) -> Input:
        """Without a header that is no context."""
        if self.header_key not in input.headers or self._carrier_in(input.headers) is not None:
            return input
        return replace(input, headers={})

    def _carrier_in(self, headers: Mapping[str, Payload]) -> dict[str, Any] | None:
        header = headers.get(self.header_key)
        if header is None:
            return None
        try:
            found = self.payload_converter.from_payloads([header])[0]
        except Exception:  # of whatever converter: it is anybody's
            return None
        is_carrier = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
        return found if is_carrier else None

    def _load_workflow_context_carrier(self) -> dict[str, Any] | None:
        """That of the last change, else of the start."""
        if self._workflow_context_carrier is None:
            self._workflow_context_carrier = self._carrier_in(workflow.info().headers)
        return self._workflow_context_carrier

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
