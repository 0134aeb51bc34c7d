"""Each alert is fired by the condition that it names, as the system's own code measures it.

The condition is brought about by what measures it, the scrape before and the one after it are given to
`promtool` as if Prometheus had scraped them every minute, and it says which rules fire.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from airunway.messages.refs import DeploymentRef
from airunway.metrics import families as metrics
from airunway.metrics.registry import EXPOSITION, Served
from airunway.workers.audit.deployment_book import DeploymentBook
from airunway.workers.audit.metrics import FleetMetrics
from airunway.workers.audit.problems import FAILS
from airunway.workers.watch_metrics import observe_lag, show_providers, show_silence
from tests.servers.fixtures import require
from tools.generate.metrics_tables import ALERTS, rules

pytestmark = pytest.mark.real

MINUTES = 125
"""Longer than every alert waits, with what it looks back on."""
CREATED = "2026-01-01T00:00:00Z"
"""Of deployments; `Clock` says how long ago that is."""

Cause = Callable[["Measured"], None]
CAUSES: dict[str, Cause] = {}
"""What brings the condition of an alert about, once a minute."""


@pytest.fixture(scope="module", autouse=True)
def promtool() -> None:
    there = shutil.which("promtool") is not None
    require(None if there else "there is no promtool: python3 tools/real/debian.py installs it")


def cause(alert: str) -> Callable[[Cause], Cause]:
    def add(function: Cause) -> Cause:
        CAUSES[alert] = function
        return function

    return add


class Measured:
    """What a whole installation measures, healthy at first."""

    def __init__(self, fleet: FleetMetrics) -> None:
        self.fleet = fleet
        self.now = datetime.fromisoformat(CREATED).timestamp()
        self.book = DeploymentBook(lambda: self.now)
        metrics.READY.set(1)
        metrics.SIGNAL_QUEUE_DEPTH.set(0)
        for part in ("Temporal", "Kubernetes API"):
            metrics.OUTAGE.labels(part).set(0)
        metrics.CERTIFICATE_EXPIRES.set(time.time() + 80 * 86400)
        metrics.begin_build_series()
        metrics.begin_review_series()
        metrics.register_provider("kaito")
        self.audit()
        self.present([])
        self.saw("Running")
        show_providers({"kaito": {"status": {"ready": True}}})

    def audit(self, differing: int = 0) -> None:
        self.fleet.audited(seconds=0.1, differing=differing, signalled=0)

    def present(self, problems: list[str], *, without: int = 0) -> None:
        self.fleet.present(deployments=1, without_open_workflow=without, problems=problems)

    def saw(self, phase: str, *, later: float = 0.0, ready: int = 1) -> None:
        self.now += later
        meta = {"name": "chat", "namespace": "ml", "creationTimestamp": CREATED}
        replicas = {"desired": 1, "ready": ready, "available": ready}
        status = {"phase": phase, "provider": {"name": "kaito"}, "replicas": replicas}
        ref = DeploymentRef(cluster="here", namespace="ml", name="chat")
        self.book.saw(ref, {"metadata": meta, "status": status})


@cause("AirunwayNoWatcherLeads")
def nobody_leads(world: Measured) -> None:
    metrics.WATCHER_LEADER.set(0)


@cause("AirunwayNoWatcher")
def no_watcher(world: Measured) -> None:
    EXPOSITION.withdraw(Served.WATCHER)


@cause("AirunwayNotReady")
def not_ready(world: Measured) -> None:
    metrics.READY.set(0)


@cause("AirunwayTemporalAway")
def temporal_away(world: Measured) -> None:
    metrics.OUTAGE.labels("Temporal").set(1)


@cause("AirunwayKubernetesAway")
def kubernetes_away(world: Measured) -> None:
    metrics.OUTAGE.labels("Kubernetes API").set(1)


@cause("AirunwayWatchSilent")
def watch_silent(world: Measured) -> None:
    silent: Any = SimpleNamespace(resource="modeldeployments", silent_seconds=1000.0)
    show_silence([silent])


@cause("AirunwayWatchLate")
def watch_late(world: Measured) -> None:
    written = datetime.now(UTC) - timedelta(minutes=4)
    observe_lag("modeldeployments", {"metadata": {"managedFields": [{"time": written.isoformat()}]}})


@cause("AirunwaySignalsWait")
def signals_wait(world: Measured) -> None:
    metrics.SIGNAL_QUEUE_DEPTH.set(800)


@cause("AirunwayTasksWait")
def tasks_wait(world: Measured) -> None:
    world.fleet.backlog({("airunway.here.core", "workflow"): 70, ("airunway.here.core", "activity"): 70})


@cause("AirunwayWorkflowsCannotProgress")
def workflows_stuck(world: Measured) -> None:
    world.present([FAILS])


@cause("AirunwayDeploymentsWithoutWorkflow")
def without_workflow(world: Measured) -> None:
    world.present([], without=2)


@cause("AirunwayAuditStopped")
def audit_stopped(world: Measured) -> None:
    """Time goes on, and that is all."""


@cause("AirunwayStatusesDiffer")
def statuses_differ(world: Measured) -> None:
    world.audit(differing=3)


@cause("AirunwayFieldsContested")
def contested(world: Measured) -> None:
    metrics.CONTESTS.inc()


@cause("AirunwayDeploymentsFailed")
def failed(world: Measured) -> None:
    world.saw("Failed")


@cause("AirunwayDeploymentsFlap")
def flapping(world: Measured) -> None:
    world.saw("Failed")
    world.saw("Running")


@cause("AirunwayRolloutsSlow")
def slow_rollout(world: Measured) -> None:
    world.saw("Deploying")
    world.saw("Running", later=3000)


@cause("AirunwayReplicasMissing")
def replicas_missing(world: Measured) -> None:
    world.saw("Running", ready=0)


@cause("AirunwayReconcilesFail")
def reconciles_fail(world: Measured) -> None:
    for _ in range(12):
        metrics.RECONCILE_ERRORS.labels("kaito", "validation").inc()


@cause("AirunwayReconcilesSlow")
def reconciles_slow(world: Measured) -> None:
    metrics.RECONCILE_SECONDS.labels("kaito").observe(8)


@cause("AirunwayProviderNotReady")
def provider_not_ready(world: Measured) -> None:
    show_providers({"kaito": {"status": {"ready": False}}})


@cause("AirunwayActivitiesFail")
def activities_fail(world: Measured) -> None:
    for _ in range(20):
        metrics.ACTIVITY_FAILURES.labels("apply_upstream", "Forbidden").inc()


@cause("AirunwayImageBuildFailed")
def build_failed(world: Measured) -> None:
    metrics.IMAGE_BUILD_SECONDS.labels("failed").observe(100)


@cause("AirunwayInstallationFailed")
def installation_failed(world: Measured) -> None:
    metrics.INSTALLATION_SECONDS.labels("kaito", "install", "failed").observe(100)


@cause("AirunwayWebhookErrors")
def webhook_errors(world: Measured) -> None:
    metrics.REVIEWS.labels("validating", "error").inc()


@cause("AirunwayWebhookSlow")
def webhook_slow(world: Measured) -> None:
    metrics.REVIEW_SECONDS.labels("validating").observe(4)


@cause("AirunwayWebhookCertificateExpires")
def certificate_expires(world: Measured) -> None:
    metrics.CERTIFICATE_EXPIRES.set(time.time() + 3 * 86400)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Measured]:
    monkeypatch.setattr(EXPOSITION, "cluster", "here")
    with ExitStack() as stack:
        stack.callback(EXPOSITION.withdraw, Served.WEBHOOK)
        stack.callback(EXPOSITION.withdraw, Served.WORKER)
        EXPOSITION.serve(Served.WORKER, Served.WEBHOOK)
        fleet = FleetMetrics()
        stack.enter_context(fleet.leading())
        yield Measured(fleet)


Scrape = dict[str, tuple[str, float]]
"""Series as promtool takes it, with its type and value."""


def scrape() -> Scrape:
    found: Scrape = {}
    scraped_at = time.time()
    for family in text_string_to_metric_families(EXPOSITION.text().decode()):
        for sample in family.samples:
            if not sample.name.startswith("airunway_"):
                continue
            labels = {**sample.labels, "instance": "10.0.0.1:8443"}
            words = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items()))
            # promtool's time begins at 0.
            value = sample.value - scraped_at if "_timestamp_seconds" in sample.name else sample.value
            found[f"{sample.name}{{{words}}}"] = (family.type, value)
    return found


def as_scraped_for_hours(before: Scrape, after: Scrape) -> list[dict[str, str]]:
    """What changed once changes so every minute if it counts, and stays so if it is a gauge."""
    series = []
    for name, (kind, first) in before.items():
        if name not in after:
            continue
        value = after[name][1]
        step = value - first if kind in ("counter", "histogram") else 0.0
        begin = first if kind in ("counter", "histogram") else value
        series.append({"series": name, "values": f"{begin:.3f}+{step:.3f}x{MINUTES}"})
    new = [name for name in after if name not in before]
    return series + [{"series": name, "values": _new(*after[name])} for name in new]


def _new(kind: str, value: float) -> str:
    return f"0+{value:.3f}x{MINUTES}" if kind in ("counter", "histogram") else f"{value:.3f}x{MINUTES}"


def firing(folder: Path, series: list[dict[str, str]], *, alert: str, minute: int) -> bool:
    """Whether `promtool` finds the alert firing."""
    chosen = f'ALERTS{{alertname="{alert}",alertstate="firing"}}' if alert else 'ALERTS{alertstate="firing"}'
    wanted = [{"labels": "{}", "value": 1}]
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [
                    {"expr": f"group({chosen})", "eval_time": f"{minute}m", "exp_samples": wanted}
                ],
            }
        ],
    }
    file = folder / "alert.yaml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False, timeout=100
    )
    words = done.stdout + done.stderr
    assert done.returncode == 0 or "got:" in words, words
    return done.returncode == 0


def test_every_alert_has_a_condition_here() -> None:
    assert set(CAUSES) == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize("alert", list(CAUSES))
def test_an_alert_is_fired_by_its_condition(alert: str, world: Measured, tmp_path: Path) -> None:
    before = scrape()
    CAUSES[alert](world)

    (rule,) = (rule for rule in rules() if rule["alert"] == alert)
    series = [
        entry
        for entry in as_scraped_for_hours(before, scrape())
        if entry["series"].partition("{")[0] in rule["expr"]  # others only take promtool's time
    ]

    assert firing(tmp_path, series, alert=alert, minute=MINUTES - 1)


def test_nothing_is_fired_while_all_is_well(world: Measured, tmp_path: Path) -> None:
    before = scrape()

    series = as_scraped_for_hours(before, scrape())

    assert not firing(tmp_path, series, alert="", minute=20)
