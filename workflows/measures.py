"""What workflows count: once, when it happens, and never again when the history is replayed.

As with the SDK's own metrics for workflows, a workflow task that is lost after counting counts once more.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

from airunway.api.decision import Outcome
from airunway.metrics import families as metrics

_PASS_ERRORS = {
    Outcome.IMAGE_CONFLICT: "validation",
    Outcome.INVALID: "validation",
    Outcome.ENGINE_FAILED: "engine_selection",
    Outcome.PROVIDER_CHANGE: "provider_change",
    Outcome.PROVIDER_FAILED: "provider_selection",
}
GATEWAY = "gateway"


def reconciled(provider: str, *, began: datetime) -> None:
    """A reconcile has ended, of a deployment that has this provider now; empty: it has none."""
    if provider and _is_live():
        metrics.RECONCILE_SECONDS.labels(metrics.provider_label(provider)).observe(_seconds_since(began))


def decided(provider: str, outcome: Outcome, *, is_registered: bool) -> None:
    """A decision was taken over. `provider`: what the deployment has; `is_registered`: with a config."""
    if not provider or not _is_live():
        return
    if is_registered:
        metrics.register_provider(provider)
    if error := _PASS_ERRORS.get(outcome):
        metrics.RECONCILE_ERRORS.labels(metrics.provider_label(provider), error).inc()


def gateway_failed(provider: str) -> None:
    """A step of the gateway did not succeed."""
    if provider and _is_live():
        metrics.RECONCILE_ERRORS.labels(metrics.provider_label(provider), GATEWAY).inc()


def contested() -> None:
    """A deployment stands still because somebody keeps changing what is written."""
    if _is_live():
        metrics.CONTESTS.inc()


def image_build_ended(outcome: str, *, began: datetime) -> None:
    """A build of a model image has ended: `built`, `failed` or `cancelled`."""
    if _is_live():
        metrics.IMAGE_BUILD_SECONDS.labels(outcome).observe(_seconds_since(began))


def installation_ended(provider: str, operation: str, outcome: str, *, began: datetime) -> None:
    """An operation on an operator has ended: `succeeded`, `failed` or `cancelled`."""
    if _is_live():
        label = metrics.REGISTERED.take(provider)  # only administrators ask for one
        metrics.INSTALLATION_SECONDS.labels(label, operation, outcome).observe(_seconds_since(began))


def _is_live() -> bool:
    return not workflow.unsafe.is_replaying()


def _seconds_since(began: datetime) -> float:
    return max((workflow.now() - began).total_seconds(), 0.0)
