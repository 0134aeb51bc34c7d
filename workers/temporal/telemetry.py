"""Metrics and traces of the SDK, switched on by settings.

Metrics come from the SDK's core and need no package of ours: `/metrics` for Prometheus, or OTLP. Traces come
from OpenTelemetry for Python (the `otel` extra), which reads its own `OTEL_*` variables.

The interceptor, not the newer plugin: it reports a workflow's span at once, the plugin when the workflow
ends, which a deployment's does years later.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from temporalio.client import Interceptor
from temporalio.runtime import OpenTelemetryConfig, PrometheusConfig, Runtime, TelemetryConfig

from airunway.workers.settings import Settings
from airunway.workers.temporal.target import InvalidConnection
from airunway.workers.temporal_outage import core_logging

GRPC = "grpc"
LOCAL_COLLECTOR = {GRPC: "http://localhost:4317", "http/protobuf": "http://localhost:4318"}
SERVICE_NAME = "airunway"


def runtime_for(settings: Settings) -> Runtime:
    """The process's runtime, which logs as we do. Raises InvalidConnection."""
    if settings.metrics_port and settings.metrics_otlp:
        raise InvalidConnection(
            "the SDK's metrics have one way out: set AIRUNWAY_METRICS_PORT or AIRUNWAY_METRICS_OTLP, not both"
        )
    measured = bool(settings.metrics_port or settings.metrics_otlp)
    host = f"[{settings.listens_on}]" if ":" in settings.listens_on else settings.listens_on
    address = f"{host}:{settings.metrics_port}" if settings.metrics_port else ""
    return _runtime(address, settings.metrics_otlp, settings.cluster if measured else "")


@cache
def _runtime(address: str, otlp: bool, cluster: str) -> Runtime:
    """One for the process: clients and workers with different ones cannot work together.

    `cluster` is on every metric, since several clusters may share one Temporal and one Prometheus.
    """
    metrics: OpenTelemetryConfig | PrometheusConfig | None = None
    tags = {"cluster": cluster} if cluster else {}
    if otlp:
        metrics = otlp_metrics(os.environ)
        tags |= {"service_name": os.environ.get("OTEL_SERVICE_NAME", SERVICE_NAME)}
    elif address:
        metrics = PrometheusConfig(bind_address=address, durations_as_seconds=True)
    return Runtime(telemetry=TelemetryConfig(logging=core_logging(), metrics=metrics, global_tags=tags))


def otlp_metrics(environ: Mapping[str, str]) -> OpenTelemetryConfig:
    """The core's exporter as the standard variables describe it (OpenTelemetry specification, OTLP exporter).

    Raises InvalidConnection for a protocol that the core does not speak.
    """
    protocol = _otlp(environ, "METRICS", "PROTOCOL") or GRPC
    if protocol not in LOCAL_COLLECTOR:
        known = " or ".join(LOCAL_COLLECTOR)
        raise InvalidConnection(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is none of the protocols that are known; use {known}"
        )
    url = _otlp(environ, "METRICS", "ENDPOINT") or LOCAL_COLLECTOR[protocol]
    # Only the endpoint of all signals is a base that the path is appended to.
    if protocol != GRPC and not environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
        url = f"{url.rstrip('/')}/v1/metrics"
    pairs = (pair.partition("=") for pair in _otlp(environ, "METRICS", "HEADERS").split(",") if "=" in pair)
    headers = {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
    return OpenTelemetryConfig(url=url, headers=headers, http=protocol != GRPC, durations_as_seconds=True)


def _otlp(environ: Mapping[str, str], signal: str, name: str) -> str:
    """A variable of the exporters: the one of the signal, else that of all signals; empty without both."""
    return environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "")


def tracing(settings: Settings) -> Sequence[Interceptor]:
    """What a client needs for traces; nothing when they are off. Raises InvalidConnection."""
    return [_tracing()] if settings.tracing else []


@cache
def _tracing() -> Interceptor:
    """The interceptor, over one exporter for the process."""
    try:
        from opentelemetry.sdk.resources import SERVICE_NAME as NAME
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from temporalio.contrib.opentelemetry import TracingInterceptor

        exporter = _span_exporter()
    except ImportError as err:
        raise InvalidConnection(
            "AIRUNWAY_TRACING needs OpenTelemetry's packages: pip install 'airunway-temporal[otel]'"
        ) from err
    resource = Resource.create({NAME: os.environ.get("OTEL_SERVICE_NAME", SERVICE_NAME)})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return TracingInterceptor(provider.get_tracer("airunway"))


def _span_exporter() -> Any:
    """OTLP by the protocol that the standard variables name; both read the others themselves."""
    if (_otlp(os.environ, "TRACES", "PROTOCOL") or GRPC) == GRPC:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        return Grpc()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    return Http()
