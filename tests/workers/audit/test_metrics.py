"""What the watcher measures is served with the SDK's metrics."""

from __future__ import annotations

import asyncio
import urllib.request

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from airunway.sandbox.temporal import free_port
from airunway.workers.audit.metrics import FleetMetrics


def served(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    ours = [line.rsplit(" ", 1) for line in lines if line.startswith("airunway_")]
    return {name.partition("{")[0]: float(value) for name, value in ours}


async def test_metrics_of_the_fleet() -> None:
    port = free_port()
    telemetry = TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{port}"))
    runtime = Runtime(telemetry=telemetry)  # it serves for as long as somebody holds it
    metrics = FleetMetrics(runtime.metric_meter)

    metrics.leads(True)
    metrics.audited(seconds=0.25)
    metrics.present(deployments=1000, without_open_workflow=2, stuck=1)
    metrics.signals(sent=5, folded=1)
    metrics.signals(sent=8, folded=1)

    found = await asyncio.to_thread(served, port)
    assert found.pop("airunway_audit_timestamp_seconds") > 1.6e9
    assert found == {
        "airunway_watcher_leader": 1,
        "airunway_audit_seconds": 0.25,
        "airunway_deployments": 1000,
        "airunway_deployments_without_open_workflow": 2,
        "airunway_workflows_stuck": 1,
        "airunway_signals_sent": 8,
        "airunway_signals_folded": 1,
    }
