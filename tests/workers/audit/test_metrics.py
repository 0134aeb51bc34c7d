"""What the watcher measures is served with the SDK's metrics, for each cluster apart."""

from __future__ import annotations

import asyncio
import urllib.request

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from airunway.sandbox.temporal import free_port
from airunway.workers.audit.metrics import FleetMetrics


def served(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("airunway_"))
    return {name: float(value) for name, value in pairs}


async def test_metrics_of_the_fleet() -> None:
    port = free_port()
    telemetry = TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{port}"))
    metrics = FleetMetrics(Runtime(telemetry=telemetry).metric_meter, cluster="here")

    metrics.leads(True)
    metrics.audited(seconds=0.25)
    metrics.present(deployments=1000, without_open_workflow=2, stuck=1)
    metrics.signals(sent=5, folded=1)
    metrics.signals(sent=8, folded=1)

    found = await asyncio.to_thread(served, port)
    assert found.pop('airunway_audit_timestamp_seconds{cluster="here"}') > 1.6e9
    assert found == {
        'airunway_watcher_leader{cluster="here"}': 1,
        'airunway_audit_seconds{cluster="here"}': 0.25,
        'airunway_deployments{cluster="here"}': 1000,
        'airunway_deployments_without_open_workflow{cluster="here"}': 2,
        'airunway_workflows_stuck{cluster="here"}': 1,
        'airunway_signals_sent{cluster="here"}': 8,
        'airunway_signals_folded{cluster="here"}': 1,
    }
