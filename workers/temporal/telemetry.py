"""Metrics and traces of the SDK, switched on by settings.

Metrics come from the SDK's core: by OTLP, or as text that `/metrics` hands on after ours
(`workers.metrics_endpoint`). Traces come from OpenTelemetry for Python (the `otel` extra), which reads its
own `OTEL_*` variables.

The interceptor, not the newer plugin: it reports a workflow's span at once, the plugin when the workflow
ends, which a deployment's does years later.
"""

from __future__ import annotations

import os
import socket
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
LOOPBACK = "127.0.0.1"
BIND_ATTEMPTS = 5


def runtime_for(settings: Settings) -> Runtime:
    """The process's runtime, which logs as we do. Raises InvalidConnection.

    With both settings the core's metrics go by OTLP, and `/metrics` has ours.
    """
    measured = bool(settings.metrics_port or settings.metrics_otlp)
    served = bool(settings.metrics_port) and not settings.metrics_otlp
    return _runtime(served, settings.metrics_otlp, settings.cluster if measured else "")


@cache
def _runtime(served: bool, otlp: bool, cluster: str) -> Runtime:
    """One for the process: clients and workers with different ones cannot work together.

    `cluster` is on every metric, since several clusters may share one Temporal and one Prometheus.
    """
    tags = {"cluster": cluster} if cluster else {}
    if otlp:
        tags |= {"service_name": os.environ.get("OTEL_SERVICE_NAME", SERVICE_NAME)}
        return _of(otlp_metrics(os.environ), tags)
    return _with_own_exporter(tags) if served else _of(None, tags)


def _of(metrics: OpenTelemetryConfig | PrometheusConfig | None, tags: Mapping[str, str]) -> Runtime:
    return Runtime(telemetry=TelemetryConfig(logging=core_logging(), metrics=metrics, global_tags=tags))


def _with_own_exporter(tags: Mapping[str, str]) -> Runtime:
    """The core serves on a free port of this machine alone; it takes an address, and tells none."""
    for attempt in range(1, BIND_ATTEMPTS + 1):
        with socket.create_server((LOOPBACK, 0)) as free:
            address = f"{LOOPBACK}:{free.getsockname()[1]}"
        try:
            runtime = _of(PrometheusConfig(bind_address=address, durations_as_seconds=True), tags)
        except (RuntimeError, ValueError):  # somebody took the port in between
            if attempt == BIND_ATTEMPTS:
                raise
            continue
        from airunway.metrics.registry import EXPOSITION  # which the command line never loads

        EXPOSITION.also_read.append(f"http://{address}/metrics")
        return runtime
    raise AssertionError("unreachable")


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

        from airunway.workers.temporal.tracing import change_tracing

        exporter = _span_exporter()
    except ImportError as err:
        raise InvalidConnection(
            "AIRUNWAY_TRACING needs OpenTelemetry's packages: pip install 'airunway-temporal[otel]'"
        ) from err
    resource = Resource.create({NAME: os.environ.get("OTEL_SERVICE_NAME", SERVICE_NAME)})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return change_tracing(provider.get_tracer("airunway"))


def _span_exporter() -> Any:
    """OTLP by the protocol that the standard variables name; both read the others themselves."""
    if (_otlp(os.environ, "TRACES", "PROTOCOL") or GRPC) == GRPC:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        return Grpc()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    return Http()
