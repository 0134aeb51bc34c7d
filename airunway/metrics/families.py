"""Every metric of this system. Names, labels and buckets of the first eight are contract (core.md §15)."""

from __future__ import annotations

from itertools import permutations

from airunway.api.status import Phase
from airunway.metrics.labels import FewValues
from airunway.metrics.registry import Served, counter, gauge, histogram

PASS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ROLLOUT_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
LONG_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
LAG_BUCKETS = (1, 2.5, 5, 10, 30, 60, 300, 900)
REVIEW_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# -- of the contract --------------------------------------------------------------------------------------

RECONCILE_SECONDS = histogram(
    "airunway_reconciliation_duration_seconds",
    "Seconds of a reconcile of a deployment that has a provider at its end.",
    ["provider"],
    buckets=PASS_BUCKETS,
    served=Served.WORKER,
)
RECONCILE_ERRORS = counter(
    "airunway_reconciliation_errors_total",
    "Reconciles of a deployment with a provider that ended in an error, and gateway errors.",
    ["provider", "error_type"],
    served=Served.WORKER,
)
SELECTIONS = counter(
    "airunway_provider_selection_total",
    "Deployments that were seen with a provider for the first time; reason `manual` or `auto`.",
    ["provider", "reason"],
    served=Served.LEADER,
)
REPLICAS = gauge(
    "airunway_deployment_replicas",
    "Replicas of all deployments; state `desired`, `ready` or `available`.",
    ["provider", "state"],
    served=Served.LEADER,
)
DEPLOYMENT_STATUS = gauge(
    "airunway_deployment_status",
    "Deployments in a phase.",
    ["provider", "phase"],
    served=Served.LEADER,
)
PHASE_TRANSITIONS = counter(
    "airunway_deployment_phase_transitions_total",
    "Changes of phase that were seen.",
    ["provider", "from_phase", "to_phase"],
    served=Served.LEADER,
)
READY_SECONDS = histogram(
    "airunway_deployment_ready_duration_seconds",
    "Seconds from a deployment's creation to Running.",
    ["provider"],
    buckets=ROLLOUT_BUCKETS,
    served=Served.LEADER,
)
PROVISION_SECONDS = histogram(
    "airunway_deployment_provision_duration_seconds",
    "Seconds from Deploying, as seen, to Running.",
    ["provider"],
    buckets=ROLLOUT_BUCKETS,
    served=Served.LEADER,
)

# -- every process ----------------------------------------------------------------------------------------

BUILD_INFO = gauge(
    "airunway_build_info",
    "1, for the version and role of a process.",
    ["version", "role"],
    served=Served.PROCESS,
)
READY = gauge("airunway_ready", "1: the process answers /readyz with yes.", served=Served.PROCESS)
OUTAGE = gauge(
    "airunway_outage",
    "1: a part that this process depends on does not answer it.",
    ["part"],
    served=Served.PROCESS,
)

# -- workers ------------------------------------------------------------------------------------------------

ACTIVITY_FAILURES = counter(
    "airunway_activity_failures_total",
    "Attempts of activities that failed; most are tried again.",
    ["activity", "error_type"],
    served=Served.WORKER,
)
IMAGE_BUILD_SECONDS = histogram(
    "airunway_image_build_duration_seconds",
    "Seconds of a build of a model image; outcome `built`, `failed` or `cancelled`.",
    ["outcome"],
    buckets=LONG_BUCKETS,
    served=Served.WORKER,
)
INSTALLATION_SECONDS = histogram(
    "airunway_installation_duration_seconds",
    "Seconds of an operation on a provider's operator; outcome `succeeded`, `failed` or `cancelled`.",
    ["provider", "operation", "outcome"],
    buckets=LONG_BUCKETS,
    served=Served.WORKER,
)
CONTESTS = counter(
    "airunway_contests_total",
    "Standstills because somebody keeps changing what is written.",
    served=Served.WORKER,
)

# -- watchers -----------------------------------------------------------------------------------------------

WATCHER_LEADER = gauge("airunway_watcher_leader", "1: this watcher holds the Lease.", served=Served.WATCHER)
DEPLOYMENTS = gauge("airunway_deployments", "ModelDeployments of the cluster.", served=Served.LEADER)
OPEN_WORKFLOWS = gauge(
    "airunway_open_workflows",
    "Open workflows of ModelDeployments by the phase that Temporal has of them.",
    ["phase"],
    served=Served.LEADER,
)
WITHOUT_WORKFLOW = gauge(
    "airunway_deployments_without_open_workflow",
    "ModelDeployments that no workflow looks after.",
    served=Served.LEADER,
)
WORKFLOW_PROBLEMS = gauge(
    "airunway_workflow_problems",
    "Workflows of ModelDeployments that cannot progress; problem `no_worker` or `task_fails`.",
    ["problem"],
    served=Served.LEADER,
)
AUDIT_SECONDS = gauge("airunway_audit_seconds", "How long the last fleet audit took.", served=Served.LEADER)
AUDIT_AT = gauge(
    "airunway_audit_timestamp_seconds", "When the last fleet audit ended (Unix time).", served=Served.LEADER
)
AUDIT_DIFFERENCES = gauge(
    "airunway_audit_differences",
    "Deployments whose status was not what the cluster says, at the last fleet audit.",
    served=Served.LEADER,
)
AUDIT_SIGNALS = counter(
    "airunway_audit_signals_total", "Deployments signalled by the fleet audit.", served=Served.LEADER
)
SIGNAL_QUEUE_DEPTH = gauge(
    "airunway_signal_queue_depth", "Deployments whose signal waits to be sent.", served=Served.LEADER
)
SIGNALS_SENT = counter("airunway_signals_sent_total", "Signals that Temporal took.", served=Served.LEADER)
SIGNALS_FOLDED = counter(
    "airunway_signals_folded_total", "Changes that shared a signal with another.", served=Served.LEADER
)
TASK_BACKLOG = gauge(
    "airunway_task_queue_backlog",
    "Tasks that wait in a task queue; kind `workflow` or `activity`.",
    ["queue", "kind"],
    served=Served.LEADER,
)
WATCH_LAG = histogram(
    "airunway_watch_lag_seconds",
    "Seconds from an object's last write to its being seen here, as far as both clocks agree.",
    ["resource"],
    buckets=LAG_BUCKETS,
    served=Served.LEADER,
)
WATCH_SILENT = gauge(
    "airunway_watch_silent_seconds",
    "Seconds since the API server last said anything about a resource that is watched.",
    ["resource"],
    served=Served.LEADER,
)
PROVIDER_READY = gauge(
    "airunway_provider_ready",
    "1: a registered provider says that it can be used.",
    ["provider"],
    served=Served.LEADER,
)

# -- webhook ------------------------------------------------------------------------------------------------

REVIEWS = counter(
    "airunway_admission_reviews_total",
    "Writes that were reviewed; webhook `mutating` or `validating`, outcome `allowed`, `refused` or `error`.",
    ["webhook", "outcome"],
    served=Served.WEBHOOK,
)
REVIEW_SECONDS = histogram(
    "airunway_admission_review_duration_seconds",
    "Seconds of a review.",
    ["webhook"],
    buckets=REVIEW_BUCKETS,
    served=Served.WEBHOOK,
)
CERTIFICATE_EXPIRES = gauge(
    "airunway_webhook_certificate_expiry_timestamp_seconds",
    "When the certificate that is served expires (Unix time).",
    served=Served.WEBHOOK,
)

# -- providers as labels ------------------------------------------------------------------------------------

REGISTERED = FewValues()
"""Providers that an administrator registered or that are installed here; every other name is `other`."""

OPERATIONS = ("install", "upgrade", "repair", "uninstall")
"""On a provider's operator; as `messages.installation.Operation` has them."""
_PASS_ERRORS = ("validation", "engine_selection", "provider_selection", "gateway")
_WITH_SERIES: set[str] = set()


def register_provider(name: str) -> None:
    """A provider that there is: its series begin at zero, so that the first event is seen by `increase`."""
    label = REGISTERED.take(name)
    if label in _WITH_SERIES:
        return
    _WITH_SERIES.add(label)
    RECONCILE_SECONDS.labels(label)
    for error in _PASS_ERRORS:
        RECONCILE_ERRORS.labels(label, error)
    for operation in OPERATIONS:
        for outcome in ("succeeded", "failed"):
            INSTALLATION_SECONDS.labels(label, operation, outcome)
    READY_SECONDS.labels(label)
    PROVISION_SECONDS.labels(label)
    for reason in ("manual", "auto"):
        SELECTIONS.labels(label, reason)
    for before, after in permutations(Phase, 2):
        PHASE_TRANSITIONS.labels(label, str(before), str(after))


def provider_label(name: str) -> str:
    """A provider's name as a label; empty for none."""
    return REGISTERED.shown(name) if name else ""


def begin_build_series() -> None:
    """Series of builds at zero, for the same reason."""
    for outcome in ("built", "failed", "cancelled"):
        IMAGE_BUILD_SECONDS.labels(outcome)


def begin_review_series() -> None:
    """Series of reviews at zero."""
    for webhook in ("mutating", "validating"):
        for outcome in ("allowed", "refused", "error"):
            REVIEWS.labels(webhook, outcome)


def forget_series() -> None:
    """Series of providers were cleared; the next `register_provider` begins them again."""
    _WITH_SERIES.clear()
