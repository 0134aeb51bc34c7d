"""What the watcher measures of the fleet, served with the SDK's own metrics."""

from __future__ import annotations

import time

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.runtime import Runtime


def meter_of(client: Client) -> MetricMeter:
    """The meter of a client's process; it measures nothing where no metrics are served."""
    runtime = client.service_client.config.runtime or Runtime.default()
    return runtime.metric_meter


class FleetMetrics:
    """All of one cluster, which `workers.temporal.telemetry` names in every metric."""

    def __init__(self, meter: MetricMeter) -> None:
        self._leader = meter.create_gauge("airunway_watcher_leader", "1: this watcher holds the Lease.")
        self._deployments = meter.create_gauge("airunway_deployments", "ModelDeployments of the cluster.")
        self._without = meter.create_gauge(
            "airunway_deployments_without_open_workflow", "ModelDeployments that no workflow looks after."
        )
        self._stuck = meter.create_gauge(
            "airunway_workflows_stuck", "Workflows of ModelDeployments that cannot progress."
        )
        self._audit_seconds = meter.create_gauge_float(
            "airunway_audit_seconds", "How long the last fleet audit took.", "s"
        )
        self._audit_at = meter.create_gauge_float(
            "airunway_audit_timestamp_seconds", "When the last fleet audit ended (Unix time).", "s"
        )
        self._sent = meter.create_counter("airunway_signals_sent", "Signals that Temporal took.")
        self._folded = meter.create_counter("airunway_signals_folded", "Changes that shared a signal.")
        self._counted = (0, 0)

    def leads(self, leading: bool) -> None:
        """Whether this process holds the Lease."""
        self._leader.set(int(leading))

    def audited(self, *, seconds: float) -> None:
        """An audit has ended."""
        self._audit_seconds.set(seconds)
        self._audit_at.set(time.time())

    def present(self, *, deployments: int, without_open_workflow: int, stuck: int) -> None:
        """What Temporal and the watches say together."""
        self._deployments.set(deployments)
        self._without.set(without_open_workflow)
        self._stuck.set(stuck)

    def signals(self, *, sent: int, folded: int) -> None:
        """Totals of the signal queue until now."""
        before, self._counted = self._counted, (sent, folded)
        self._sent.add(max(sent - before[0], 0))
        self._folded.add(max(folded - before[1], 0))
