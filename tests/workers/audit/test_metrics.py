"""What the watcher measures is served while it leads, and not when another one does."""

from __future__ import annotations

from airunway.metrics.families import register_provider
from airunway.metrics.registry import EXPOSITION
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.problems import FAILS, NO_WORKER
from tests.metrics.scraping import series, value


def test_metrics_of_the_fleet() -> None:
    metrics = FleetMetrics()
    before = series(EXPOSITION.text())

    with metrics.leading():
        register_provider("kaito")
        metrics.audited(seconds=0.25, differing=3, signalled=2)
        problems = [NO_WORKER, FAILS, f"{FAILS} (x)"]
        metrics.present(deployments=1000, without_open_workflow=2, problems=problems)
        metrics.opened(["Running", "Running", "Failed", "", "'; drop table"])
        metrics.backlog({("airunway.here.core", "workflow"): 7})
        metrics.signals(sent=5, folded=1)
        metrics.signals(sent=8, folded=1)
        led = series(EXPOSITION.text())
    after = series(EXPOSITION.text())

    def gained(name: str) -> float:
        return value(led, name) - before.get((name, frozenset()), 0.0)

    assert value(led, "airunway_watcher_leader") == 1
    assert value(led, "airunway_audit_timestamp_seconds") > 1.6e9
    assert value(led, "airunway_audit_seconds") == 0.25
    assert value(led, "airunway_audit_differences") == 3
    assert value(led, "airunway_deployments") == 1000
    assert value(led, "airunway_deployments_without_open_workflow") == 2
    assert value(led, "airunway_workflow_problems", problem="no_worker") == 1
    assert value(led, "airunway_workflow_problems", problem="task_fails") == 2
    assert value(led, "airunway_open_workflows", phase="Running") == 2
    assert value(led, "airunway_open_workflows", phase="Failed") == 1
    assert value(led, "airunway_open_workflows", phase="other") == 1
    assert value(led, "airunway_open_workflows", phase="Terminating") == 0
    assert value(led, "airunway_task_queue_backlog", queue="airunway.here.core", kind="workflow") == 7
    assert gained("airunway_signals_sent_total") >= 8
    assert gained("airunway_signals_folded_total") >= 1
    assert {name for name, _ in after if name.startswith("airunway_")} & OF_THE_LEADER == set()
    assert value(after, "airunway_watcher_leader") == 0


OF_THE_LEADER = {
    "airunway_deployments",
    "airunway_open_workflows",
    "airunway_audit_timestamp_seconds",
    "airunway_deployment_phase_transitions_total",
    "airunway_signals_sent_total",
}
